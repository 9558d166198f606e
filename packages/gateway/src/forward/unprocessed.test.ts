import { once } from 'node:events'
import { request } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway } from '../fixtures/gateway-server.ts'
import { flags, frame, frameType } from '../fixtures/raw-http2.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const refusedStream = 7
type Refuse = (stream: ServerHttp2Stream, session: ServerHttp2Session) => void
const refuseStream: Refuse = (stream) => stream.close(refusedStream)

/** A GOAWAY that takes no stream at all: node:http2 itself always names the last one that it has seen. */
function goAway(code: number): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(code, 4)
  return frame(frameType.goaway, 0, 0, payload)
}

/** The ways of saying that a request was not taken. Spec: RFC 9113 section 8.7. */
const ways: readonly [string, Refuse | Buffer][] = [
  ['GOAWAY without an error', goAway(0)],
  ['GOAWAY with an error', goAway(2)],
  ['REFUSED_STREAM', refuseStream],
]

/** Reads what comes on a connection until a request has begun, and answers that with bytes of ours. */
function answerRaw(socket: Socket, answer: Buffer, onRequest: () => void): void {
  let read = Buffer.alloc(0)
  let isAnswered = false
  socket.on('error', () => undefined)
  socket.write(frame(frameType.settings, 0, 0))
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk])
    // Behind the preface frames follow on each other.
    for (let at = 24; at + 9 <= read.length && !isAnswered; at += 9 + read.readUIntBE(at, 3)) {
      if (read[at + 3] !== frameType.headers) continue
      isAnswered = true
      onRequest()
      socket.write(answer)
    }
  })
}

/** A service that echoes what it is sent, but for its first `refusals` requests, which it does not take. */
async function startService(refuse: Refuse | Buffer, refusals = 1) {
  const received: (string | undefined)[] = []
  const sessions: ServerHttp2Session[] = []
  const http2 = createHttp2Server()
  http2.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => undefined)
  })
  http2.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    received.push(headers[':method'])
    if (received.length <= refusals && !Buffer.isBuffer(refuse)) {
      return refuse(stream, stream.session as ServerHttp2Session)
    }
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    if (Buffer.isBuffer(refuse) && received.length < refusals) answerRaw(socket, refuse, () => received.push('raw'))
    else http2.emit('connection', socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { origin: `h2c://127.0.0.1:${(server.address() as AddressInfo).port}`, received, sessions }
}

async function front(...upstream: string[]) {
  const routes = [{ path: '/**', require: 'optional' }] as const
  const test = await startGateway([{ name: 's', audience: 's', upstream, routes }])
  stops.push(() => test.stop())
  return test
}

describe.each(ways)('a request that a service has not taken, by %s,', (_name, refuse) => {
  it('is sent once more, whatever it asks for, with its body', async () => {
    const { origin, received } = await startService(refuse)
    const test = await front(origin)
    const body = 'x'.repeat(60_000)
    expect(await send(test.port, '/', { method: 'POST', body })).toMatchObject({ status: 200, body })
    expect(received).toEqual([expect.stringMatching('raw|POST'), 'POST'])
    expect(test.log).toEqual([])
  })

  it('without a body, too', async () => {
    const { origin } = await startService(refuse)
    expect((await send((await front(origin)).port, '/', { method: 'PATCH' })).status).toBe(200)
  })

  it('is sent once more while its body still comes, and gets all of it in its order', async () => {
    const { origin, received } = await startService(refuse)
    const test = await front(origin)
    const headers = { host: 'auth.test', 'content-length': 60_000 }
    const asked = request({ host: '127.0.0.1', port: test.port, method: 'POST', headers, agent: false })
    const answered = once(asked, 'response')
    asked.write('a'.repeat(20_000))
    await until(() => received.length === 2)
    asked.write('b'.repeat(20_000))
    await new Promise((resolve) => setTimeout(resolve, 50))
    asked.end('c'.repeat(20_000))
    const [response] = await answered
    let text = ''
    for await (const chunk of response) text += chunk
    expect([response.statusCode, text]).toEqual([200, ['a', 'b', 'c'].map((one) => one.repeat(20_000)).join('')])
  })

  it('is sent once more alone: a second no is the answer', async () => {
    const { origin, received } = await startService(refuse, 10)
    const test = await front(origin)
    expect((await send(test.port, '/')).status).toBe(502)
    expect(received).toHaveLength(2)
    expect(test.log).toMatchObject([{ code: 'bad_gateway', reason: expect.stringContaining('has not taken it') }])
  })
})

describe('what is not sent once more', () => {
  it('is the request of somebody whose session has ended meanwhile', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { origin, received } = await startService((stream) => waiting.push(stream))
    const test = await front(origin)
    const answer = send(test.port, '/', { method: 'POST', token: 'user' })
    await until(() => waiting.length === 1)
    const ended = { kind: 'sid', value: 'sid-1', issued_before: null, expires_at: seconds(2_000_000_000) } as const
    test.gateway.endRevoked([ended])
    waiting[0]?.close(refusedStream)
    expect((await answer).status).toBe(401)
    expect(received).toHaveLength(1)
  })

  it('is a body of which more has come than is held', async () => {
    const { origin, received } = await startService((stream) => {
      let bytes = 0
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > 65_536) stream.close(refusedStream)
      })
    })
    const test = await front(origin)
    expect((await send(test.port, '/', { method: 'POST', body: 'x'.repeat(200_000) })).status).toBe(502)
    expect(received).toHaveLength(1)
  })

  it('is what has been answered in part', async () => {
    const { origin, received } = await startService((stream) => {
      stream.respond({ ':status': 200, 'content-length': 10 })
      stream.write('half')
      setTimeout(() => stream.close(refusedStream), 20)
    })
    await expect(send((await front(origin)).port, '/')).rejects.toThrow()
    expect(received).toHaveLength(1)
  })

  it('is what has begun to be answered, whatever its stream is reset with then', async () => {
    // `:status: 200` is one byte of HPACK.
    const head = frame(frameType.headers, flags.endHeaders, 1, Buffer.from([0x88]))
    const reset = frame(frameType.reset, 0, 1, Buffer.from([0, 0, 0, refusedStream]))
    const { origin, received } = await startService(Buffer.concat([head, reset]))
    const answer = await send((await front(origin)).port, '/').catch(() => 'broken off')
    expect(answer === 'broken off' || (answer as { status: number }).status === 502).toBe(true)
    expect(received).toEqual(['raw'])
  })

  it('is what a service may have looked at: a connection that breaks, a stream that is reset for another reason', async () => {
    for (const fail of [
      ((_stream, session) => session.destroy()) satisfies Refuse,
      ((stream) => stream.close(2)) as Refuse,
    ]) {
      const { origin, received } = await startService(fail)
      expect((await send((await front(origin)).port, '/')).status).toBe(502)
      expect(received).toHaveLength(1)
    }
  })

  it('is more than the budget has: a service that takes nothing is not asked twice as much', async () => {
    const { origin, received } = await startService(refuseStream, 1000)
    const test = await front(origin)
    for (let round = 0; round < 30; round += 1) await send(test.port, '/')
    expect(received).toHaveLength(40)
  })
})

it('it goes to another upstream where there is one, and the first is not thought ill of', async () => {
  const [first, second] = [await startService(refuseStream, 1000), await startService(refuseStream, 0)]
  const test = await front(first.origin, second.origin)
  for (let round = 0; round < 10; round += 1) expect((await send(test.port, '/')).status).toBe(200)
  expect([first.received.length, second.received.length]).toEqual([10, 10])
})

it('what a connection has taken before it went away is finished there', async () => {
  const waiting: ServerHttp2Stream[] = []
  const { origin, sessions } = await startService((stream) => waiting.push(stream), 1)
  const test = await front(origin)
  const slow = send(test.port, '/slow')
  await until(() => waiting.length === 1)
  sessions[0]?.goaway(0, waiting[0]?.id ?? 0)
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect((await send(test.port, '/next')).status).toBe(200)
  waiting[0]?.respond({ ':status': 204 })
  waiting[0]?.end()
  expect((await slow).status).toBe(204)
})
