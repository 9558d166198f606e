import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { serverOptions } from './server-options.ts'
import { afterRest, closeUnread } from './unread-body.ts'

let server: Server
afterEach(() => server.close().closeAllConnections())

/** A connection to a server of this kind; `received` is all that has come, `closed` resolves with how long the server kept it. */
async function open(listener: RequestListener, limits?: { all: number; quiet: number }) {
  server = createServer(serverOptions, closeUnread(listener, limits))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const closed = new Promise<number>((done) =>
    server.once('connection', (accepted) => {
      const startedAt = performance.now()
      accepted.on('close', () => done(performance.now() - startedAt))
    }),
  )
  const socket = await new Promise<Socket>((done) => {
    const made = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      done(made),
    )
  })
  const state = { received: '', ended: false }
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => (state.received += chunk))
  socket.on('end', () => (state.ended = true))
  return { socket, state, closed }
}

const post = (length: number, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))
const urls: string[] = []
const note: RequestListener = (request, response) => {
  urls.push(request.url ?? '')
  response.end('ok')
}

describe('an answer that leaves before the body has come', () => {
  it('says that the connection ends, and nothing that comes after it is served', async () => {
    urls.length = 0
    const { socket, state, closed } = await open(note)
    socket.write(post(3))
    await pause(100)
    expect(state.received).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i)
    expect(state.ended).toBe(true)
    // What a proxy would send that took the first for finished: its beginning is the body, and the rest is nobody's.
    socket.write('xxxGET /of-somebody-else HTTP/1.1\r\nHost: a\r\n\r\n')
    await closed
    expect(urls).toEqual(['/'])
    expect(state.received.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  it.each([
    ['in one packet with it', false],
    ['while it is on its way', true],
  ])('is the last: nothing is served that comes %s', async (_, isSlow) => {
    urls.length = 0
    const { socket, state, closed } = await open((request, response) => {
      urls.push(request.url ?? '')
      request.resume()
      response.write('ok')
      setTimeout(() => response.end(), isSlow ? 200 : 0)
    })
    const next = 'GET /of-somebody-else HTTP/1.1\r\nHost: a\r\n\r\n'
    socket.write(isSlow ? post(3) : post(3, `abc${next}`))
    await pause(50)
    if (isSlow) {
      socket.write('abc')
      await pause(30)
      socket.write(next)
    }
    await closed
    expect(urls).toEqual(['/'])
    expect(state.received).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*connection: close[\s\S]*\r\n0\r\n\r\n$/i)
  })

  it('says so of a chunked one too, and of one that is on its way', async () => {
    for (const begin of ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab', post(3, 'ab')]) {
      const { socket, state } = await open(note)
      socket.write(begin)
      await pause(100)
      expect(state.received).toMatch(/connection: close/i)
      expect(state.ended).toBe(true)
      socket.destroy()
      server.close()
    }
  })

  it('reaches a client that sends all of its body before it reads', async () => {
    const { socket, state, closed } = await open(note)
    socket.pause()
    const length = 20 * 1024 * 1024
    socket.write(post(length))
    for (let sent = 0; sent < length; sent += 1024 * 1024) socket.write(Buffer.alloc(1024 * 1024))
    await closed
    socket.resume()
    await pause(50)
    expect(state.received).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/)
  })

  it('is listened to for no longer than that takes: neither a body that drips, nor one that stops', async () => {
    const dripping = await open(note, { all: 300, quiet: 100 })
    dripping.socket.write(post(1000))
    const timer = setInterval(() => dripping.socket.write('x'), 30)
    expect(await dripping.closed).toBeLessThan(800)
    clearInterval(timer)
    server.close()
    const silent = await open(note, { all: 60_000, quiet: 100 })
    silent.socket.write(post(1000, 'x'))
    expect(await silent.closed).toBeLessThan(600)
  })
})

describe('a connection goes on', () => {
  it('where the body was read before the answer, or there was none', async () => {
    const { socket, state } = await open((request, response) => {
      if (request.method === 'POST') request.resume().on('end', () => response.end('ok'))
      else response.end('ok')
    })
    socket.write(`${post(3, 'abc')}${post(0)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`)
    await pause(50)
    socket.write(`${post(3)}`)
    await pause(50)
    socket.write('abc')
    await pause(50)
    expect(state.received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4)
    expect(state.received).not.toMatch(/connection: close/i)
    socket.destroy()
  })

  it('not where its client has asked for its end', async () => {
    const { socket, state, closed } = await open((request, response) => {
      request.resume().on('end', () => response.end('ok'))
    })
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc')
    await pause(50)
    socket.end()
    await closed
    expect(state.received).toMatch(/connection: close/i)
  })

  it('where the rest is waited for, and comes', async () => {
    const { socket, state } = await open((request, response) => afterRest(request, () => void response.end('ok')))
    socket.write(post(3, 'abc'))
    await pause(50)
    socket.write(post(3, 'a'))
    await pause(50)
    expect(state.received.match(/200 OK/g)).toHaveLength(1)
    socket.write('bc')
    await pause(50)
    expect(state.received.match(/200 OK/g)).toHaveLength(2)
    expect(state.received).not.toMatch(/connection: close/i)
    socket.write(post(3, 'a'))
    await pause(1200)
    expect(state.received.match(/200 OK/g)).toHaveLength(3)
    expect(state.received).toMatch(/connection: close/i)
    socket.destroy()
  })
})
