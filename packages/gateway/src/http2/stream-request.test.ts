import type { IncomingMessage } from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { openSession, openStream, readStream } from '../fixtures/http2-client.ts'
import { cert, key } from '../fixtures/http2-front.ts'
import { flags, frame, frameType, get, headersFrame, openRaw } from '../fixtures/raw-http2.ts'
import { createHttp2Connections, type StreamListener } from './connections.ts'

const stops: (() => unknown)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Starts a listener that does as it is told. */
async function listen(listener: StreamListener): Promise<number> {
  const connections = createHttp2Connections({ listener, logRefusal: () => {} })
  const server = createServer({ key, cert, ALPNProtocols: ['h2'] }, (socket) => connections.accept(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(
    () => connections.destroy(),
    () => server.close(),
  )
  return (server.address() as AddressInfo).port
}

async function connect(listener: StreamListener): Promise<ClientHttp2Session> {
  const session = openSession(await listen(listener))
  stops.unshift(() => session.destroy())
  return session
}

/** What is told of a request's body. */
function watch(request: IncomingMessage): string[] {
  const events: string[] = []
  for (const name of ['end', 'aborted', 'close']) request.on(name, () => events.push(name))
  request.on('data', (chunk) => events.push(String(chunk)))
  return events
}

it.each([0, 8])('never ends a body that its client has cut with the code %d', async (code) => {
  let events: string[] = []
  const port = await listen((request) => {
    events = watch(request)
  })
  const raw = await openRaw(port)
  const post = [[':method', 'POST'], ...get().slice(1)] as [string, string][]
  raw.write(headersFrame(1, post, flags.endHeaders), frame(frameType.data, 0, 1, Buffer.from('half')))
  await until(() => events.includes('half'))
  raw.write(frame(frameType.reset, 0, 1, Buffer.from([0, 0, 0, code])))
  await until(() => events.includes('close'))
  expect(events).toEqual(['half', 'aborted', 'close'])
  raw.socket.destroy()
})

it('resets its stream when it is destroyed, and leaves the connection alone', async () => {
  const session = await connect((request, response) => {
    if (request.method === 'GET') return response.end('ok')
    request.on('data', () => request.destroy())
  })
  const stream = openStream(session, '/', { ':method': 'POST' }, false)
  stream.write('a')
  expect((await readStream(stream)).code).toBe(2)
  expect((await readStream(openStream(session, '/'))).body).toBe('ok')
})

it('takes no more of a body than is read of it', async () => {
  let taken = 0
  const session = await connect((request) => {
    request.on('data', (chunk: Buffer) => {
      taken += chunk.length
      request.pause()
    })
  })
  const stream = openStream(session, '/', { ':method': 'POST' }, false)
  stream.on('error', () => undefined)
  const parts = 100
  let sent = 0
  for (let part = 0; part < parts; part += 1) stream.write(Buffer.alloc(16_384), () => (sent += 1))
  await until(() => taken > 0)
  await new Promise((resolve) => setTimeout(resolve, 150))
  // A window of 64 KiB, and what is buffered on the way.
  expect(sent).toBeLessThan(20)
})
