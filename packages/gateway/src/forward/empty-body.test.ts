import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { closeEmptyBody } from './empty-body.ts'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function serve(listener: RequestListener): Promise<number> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Sends text on one connection and collects what comes back. */
function talk(port: number, text: string) {
  const heard = { text: '', closed: false }
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  socket.on('data', (chunk) => {
    heard.text += chunk
  })
  socket.on('close', () => {
    heard.closed = true
  })
  return { heard, socket }
}

it('leaves the connection to the requests after it, one by one and pipelined', async () => {
  const seen: IncomingMessage[] = []
  const port = await serve((request, response) => {
    seen.push(request)
    if (request.method === 'GET') closeEmptyBody(request)
    // As the gateway does it: at a time when all of the request has long come.
    setTimeout(() => response.end(request.url), 5)
  })
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`
  const post = 'POST /n4 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello'
  const { heard, socket } = talk(port, get('/n1') + get('/n2') + get('/n3') + post + get('/n5'))
  await until(() => heard.text.includes('/n5'))
  expect(heard.text.match(/\/n\d/g)).toEqual(['/n1', '/n2', '/n3', '/n4', '/n5'])
  expect(seen.map(({ readableEnded, complete }) => [readableEnded, complete])).toEqual(Array(5).fill([true, true]))
  socket.write(get('/n6'))
  await until(() => heard.text.includes('/n6'))
  expect(heard.closed).toBe(false)
  socket.destroy()
})

it('lets the answer hear that its client has gone', async () => {
  let closed = false
  const port = await serve((request, response) => {
    closeEmptyBody(request)
    response.on('close', () => {
      closed = true
    })
  })
  const { socket } = talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => server !== undefined && socket.bytesWritten > 0)
  setTimeout(() => socket.destroy(), 20)
  await until(() => closed)
  expect(closed).toBe(true)
})

it('spares the end of a request, and leaves one alone that has ended or has been read', async () => {
  const ends: string[] = []
  const port = await serve((request, response) => {
    request.on('end', () => ends.push(request.url ?? ''))
    if (request.url === '/closed') closeEmptyBody(request)
    if (request.url === '/late') setTimeout(() => closeEmptyBody(request), 5)
    setTimeout(() => response.end(), 15)
  })
  for (const path of ['/closed', '/late', '/never']) await send(port, path)
  await until(() => ends.length === 2)
  expect(ends).toEqual(['/late', '/never'])
})
