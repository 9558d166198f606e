import { EventEmitter, once } from 'node:events'
import { createServer as createHttp1Server } from 'node:http'
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Server } from 'node:net'
import { createServer as createBareTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway, tableFor } from '../fixtures/gateway-server.ts'
import { sendHttp2 } from '../fixtures/http2-client.ts'
import { startHttp2Front } from '../fixtures/http2-front.ts'
import { encodeFields, flags, frame, frameType } from '../fixtures/raw-http2.ts'
import { buildSelfSigned } from '../fixtures/self-signed.ts'
import { findClosedOrigin, startRawUpstream, startUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type Respond = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
const sayOk: Respond = (stream) => {
  stream.respond({ ':status': 200 })
  stream.end('ok')
}

async function listen(server: Server, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A service that speaks HTTP/2 without TLS. */
async function startService(respond: Respond = sayOk, port = 0, settings = {}) {
  const sessions: ServerHttp2Session[] = []
  const received: IncomingHttpHeaders[] = []
  const server: Http2Server = createServer({ settings })
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => undefined)
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    received.push(headers)
    respond(stream, headers)
  })
  const bound = await listen(server, port)
  const stop = async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  stops.push(stop)
  return { origin: `h2c://127.0.0.1:${bound}`, port: bound, sessions, received, stop }
}

const service = (upstream: readonly string[], more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  ...{ name: 's', audience: 's', upstream, routes: [{ path: '/**', require: 'nothing' }] },
  ...more,
})
async function front(upstream: readonly string[], more: Partial<ServiceDefinition> = {}, tuning = {}) {
  const test = await startGateway([service(upstream, more)], { tuning: { drain: 1000, ...tuning } })
  stops.push(() => test.stop())
  return test
}

describe('a service that speaks HTTP/2', () => {
  it('is asked by clients of HTTP/1.1 too, and for a WebSocket as for anything', async () => {
    const { origin, port, received } = await startService((stream, headers) => {
      stream.respond({ ':status': 201, 'set-cookie': ['a=1', 'b=2'], 'x-version': '2' })
      if (headers[':method'] === 'POST') stream.pipe(stream)
      else stream.end('made')
    })
    const test = await front([origin])
    const headers = { 'x-a': ['1', '2'], te: 'gzip', cookie: 'c=1', connection: 'x-hop', 'x-hop': '1' }
    const answer = await send(test.port, '/a?b=c', { headers })
    expect([answer.status, answer.body, answer.headers['set-cookie']]).toEqual([201, 'made', ['a=1', 'b=2']])
    expect(received[0]).toMatchObject({
      ...{ ':method': 'GET', ':path': '/a?b=c', ':authority': `127.0.0.1:${port}`, ':scheme': 'http' },
      ...{ 'x-a': '1, 2', te: 'trailers', cookie: 'c=1', 'x-gatehouse-subject': '', 'x-forwarded-host': 'auth.test' },
    })
    for (const name of ['connection', 'x-hop', 'host', 'transfer-encoding'])
      expect(received[0]).not.toHaveProperty(name)
    const large = Buffer.alloc(500_000, 'a')
    expect((await send(test.port, '/', { method: 'POST', body: large })).body.length).toBe(500_000)
    const chunked = { method: 'POST', body: large, headers: { 'transfer-encoding': 'chunked' } }
    expect((await send(test.port, '/', chunked)).body.length).toBe(500_000)
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    const key = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
    expect((await send(test.port, '/', { headers: { ...upgrade, ...key } })).status).toBe(201)
    expect((await send(test.port, '/', { method: 'HEAD' })).status).toBe(201)
  })

  it('gets one connection, and another where more requests are under way than it takes', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { origin, sessions } = await startService((stream) => waiting.push(stream), 0, { maxConcurrentStreams: 2 })
    const test = await front([origin], {}, { sessions: 2 })
    const answers = [send(test.port, '/'), send(test.port, '/')]
    await until(() => waiting.length === 2)
    expect(sessions).toHaveLength(1)
    answers.push(send(test.port, '/'), send(test.port, '/'), send(test.port, '/'))
    await until(() => waiting.length === 4)
    // The fifth waits for one of the four.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([sessions.length, waiting.length]).toEqual([2, 4])
    for (const stream of waiting.splice(0, 4)) sayOk(stream, {})
    await until(() => waiting.length === 1)
    for (const stream of waiting) sayOk(stream, {})
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  })

  it('that goes away is asked anew on another connection, and what was under way is finished', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { origin, sessions } = await startService((stream, headers) => {
      if (headers[':path'] === '/wait') waiting.push(stream)
      else sayOk(stream, headers)
    })
    const test = await front([origin])
    const slow = send(test.port, '/wait')
    await until(() => waiting.length === 1)
    sessions[0]?.goaway(0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await send(test.port, '/')).status).toBe(200)
    expect(sessions).toHaveLength(2)
    for (const stream of waiting) sayOk(stream, {})
    expect((await slow).body).toBe('ok')
  })

  it('that has started anew is found again', async () => {
    const first = await startService()
    const test = await front([first.origin])
    expect((await send(test.port, '/')).status).toBe(200)
    await first.stop()
    expect((await send(test.port, '/')).status).toBe(502)
    await startService(sayOk, first.port)
    expect((await send(test.port, '/')).status).toBe(200)
  })

  it('cannot pass half an answer off as a whole one', async () => {
    // Node resets with CANCEL for an AbortError of its own alone.
    const cancel = await once(new EventEmitter(), 'never', { signal: AbortSignal.abort() }).catch((error) => error)
    const { origin } = await startService((stream, headers) => {
      stream.respond({ ':status': 200, ...(headers[':path'] === '/told' ? { 'content-length': 10 } : {}) })
      stream.write('half')
      // With `/told` it resets the stream without an error.
      const how = { '/told': undefined, '/reset': new Error('broken'), '/cancelled': cancel }[headers[':path'] ?? '']
      setTimeout(() => stream.destroy(how), 20)
    })
    const test = await front([origin])
    for (const path of ['/told', '/reset', '/cancelled']) await expect(send(test.port, path)).rejects.toThrow('aborted')
    expect(test.log.map(({ code }) => code)).toEqual(['bad_gateway', 'bad_gateway', 'bad_gateway'])
  })

  it('sends no faster than its client reads', async () => {
    let sent = 0
    const part = Buffer.alloc(65_536)
    const { origin } = await startService((stream) => {
      stream.respond({ ':status': 200 })
      const more = (): void => {
        while (sent < 128_000_000) {
          sent += part.length
          if (!stream.write(part)) return void stream.once('drain', more)
        }
      }
      more()
    })
    const test = await front([origin])
    const socket = connect(test.port, '127.0.0.1').pause()
    stops.push(() => socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n')
    await until(() => sent > 0)
    await new Promise((resolve) => setTimeout(resolve, 400))
    // What fits into the buffers of two connections.
    expect(sent).toBeLessThan(64_000_000)
  })

  it('is not told that a body is over which its client has cut', async () => {
    const events: string[] = []
    const { origin, received } = await startService((stream) => {
      stream.on('end', () => events.push('end'))
      stream.on('aborted', () => events.push('aborted'))
      stream.resume()
    })
    const test = await front([origin])
    const socket = connect(test.port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: auth.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    await until(() => received.length === 1)
    socket.destroy()
    await until(() => events.length > 0)
    expect(events).toEqual(['aborted'])
  })

  it('that says it is done before it has heard everything is believed', async () => {
    const { origin } = await startService(sayOk)
    const test = await startHttp2Front([service([origin])])
    stops.push(() => test.stop())
    const answer = await sendHttp2(test.port, '/', { ':method': 'POST' }, Buffer.alloc(2_000_000))
    expect([answer.status, answer.body, answer.code]).toEqual([200, 'ok', 0])
  })

  it('has its trailers passed on to clients of HTTP/2 that take them, and not what trailers may not say', async () => {
    const { origin } = await startService((stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'x-sum': '1', 'set-cookie': '__Host-gatehouse_session=1', 'cache-control': 'public' }),
      )
      stream.end('ok')
    })
    const test = await startHttp2Front([service([origin])])
    stops.push(() => test.stop())
    const taking = await sendHttp2(test.port, '/', { te: 'trailers' })
    expect([taking.body, Object.entries(taking.trailers)]).toEqual(['ok', [['x-sum', '1']]])
    expect(Object.keys((await sendHttp2(test.port, '/')).trailers)).toEqual([])
  })

  it('is left for another one where it cannot be reached, and asked whether it is well', async () => {
    const closed = (await findClosedOrigin()).replace('http:', 'h2c:')
    const { origin, received } = await startService()
    const plain = await startUpstream()
    stops.push(() => plain.stop())
    const test = await front([closed, origin, plain.origin], { health: { path: '/healthz', every: 1 } })
    for (let count = 0; count < 6; count += 1) expect((await send(test.port, '/')).status).toBe(200)
    expect(plain.received.some(({ url }) => url === '/')).toBe(true)
    await until(() => received.some((headers) => headers[':path'] === '/healthz'))
  })

  it('that does not answer in time is 504, and gets no more on that connection', async () => {
    const silent = await startRawUpstream(() => undefined)
    stops.push(() => silent.stop())
    const test = await front([silent.origin.replace('http:', 'h2c:')], { timeouts: { headers: 0.1 } })
    expect((await send(test.port, '/')).status).toBe(504)
    expect((await send(test.port, '/')).status).toBe(504)
    expect(silent.connections()).toBe(2)
  })

  it('that speaks HTTP/1.1 alone is 502', async () => {
    const plain = createHttp1Server((_request, response) => response.end('no'))
    const { key, cert } = buildSelfSigned('s.internal')
    const secure = createTlsServer({ key, cert }, (_request, response) => response.end('no'))
    stops.push(
      () => plain.close(),
      () => secure.close(),
    )
    const byPrior = await front([`h2c://127.0.0.1:${await listen(plain)}`])
    expect((await send(byPrior.port, '/')).status).toBe(502)
    const upstreamTls = { ca: cert, serverName: 's.internal' }
    const byAlpn = await front([`h2://127.0.0.1:${await listen(secure)}`], { upstreamTls })
    expect((await send(byAlpn.port, '/')).status).toBe(502)
    const silent = createBareTlsServer({ key, cert }, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    stops.push(() => silent.close())
    const without = await front([`h2://127.0.0.1:${await listen(silent)}`], { upstreamTls })
    expect((await send(without.port, '/')).status).toBe(502)
    expect(without.log[0]?.reason).toContain('does not agree on h2')
    const both = createSecureServer({ key, cert, allowHTTP1: true }, (_request, response) => response.end('yes'))
    stops.push(() => both.close())
    const agreed = await front([`h2://127.0.0.1:${await listen(both)}`], { upstreamTls })
    expect((await send(agreed.port, '/')).body).toBe('yes')
  })

  it('is let finish when the gateway closes, and broken off after that', async () => {
    const waiting: ServerHttp2Stream[] = []
    const { origin } = await startService((stream) => waiting.push(stream))
    const test = await front([origin], {}, { drain: 300 })
    const [slow, stuck] = [send(test.port, '/'), send(test.port, '/').catch(() => undefined)]
    await until(() => waiting.length === 2)
    const closed = test.gateway.close()
    const [first] = waiting
    if (first) sayOk(first, {})
    expect((await slow).status).toBe(200)
    await closed
    expect((await stuck)?.status).toBe(502)
  })
})

describe('an origin of HTTP/2', () => {
  it.each(['h2c://a', 'h2://a:8443', 'h2c://[::1]:50051', 'h2c://A.test:80/'])('may be %s', (origin) => {
    expect(() => tableFor([service([origin])])).not.toThrow()
  })
  it.each(['h2c://a/path', 'h2c://user:secret@a', 'h2c:a', 'h2s://a', 'h2c://', 'grpc://a'])('is not %s', (origin) => {
    expect(() => tableFor([service([origin])])).toThrow(/is no origin/)
  })
  it('has certificates of its own over TLS alone', () => {
    expect(() => tableFor([service(['h2c://a'], { upstreamTls: { ca: 'x' } })])).toThrow(/upstream_tls/)
    expect(() => tableFor([service(['h2://a'], { upstreamTls: { ca: 'x' } })])).not.toThrow()
  })
})

describe('a request is over', () => {
  it('when its time is, though its connection was given up without a word', async () => {
    const settings = frame(frameType.settings, 0, 0)
    const { origin, connections, stop } = await startRawUpstream((socket, chunk) => {
      const isPreface = chunk.includes('PRI * HTTP/2.0')
      socket.write(isPreface ? settings : 'HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    stops.push(stop)
    const test = await front([origin.replace('http', 'h2c')], { timeouts: { connect: 1, headers: 0.2, idle: 5 } })
    const get = async () => (await send(test.port, '/')).status
    expect([await get(), await get()]).toEqual([504, 504])
    expect(connections()).toBe(2)
  })

  it('where an answer that is headers alone cannot be passed on', async () => {
    const answer = frame(frameType.headers, flags.endHeaders | flags.endStream, 1, encodeFields([[':status', '999']]))
    let isAnswered = false
    const { origin, stop } = await startRawUpstream((socket, chunk) => {
      if (chunk.includes('PRI * HTTP/2.0')) return socket.write(frame(frameType.settings, 0, 0))
      // What comes next, if it is only the acknowledgement, comes after the request.
      if (!isAnswered) socket.write(answer)
      isAnswered = true
    })
    stops.push(stop)
    const { port, stop: stopFront } = await startHttp2Front([service([origin.replace('http', 'h2c')])])
    stops.push(stopFront)
    expect((await sendHttp2(port, '/')).status).toBe(502)
  })
})
