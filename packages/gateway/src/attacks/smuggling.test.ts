import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendRaw } from '../fixtures/client.ts'
import { ambiguous, brokenBodies, head, host, smuggled } from '../fixtures/framing.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'

// Requests that two servers could cut apart differently, or send to different hosts: attacks G12, G16, G17, G23 and G25.
let upstream: TestUpstream
let test: TestGateway

beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  test = await startGateway([
    { name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'nothing' }] },
  ])
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})
beforeEach(() => {
  upstream.received.length = 0
})

describe('a request that can be read in two ways', () => {
  it.each(ambiguous)('%s: is answered 400, the connection closed, nothing forwarded', async (_what, bytes) => {
    const { text, closed } = await sendRaw(test.port, bytes, 1500)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(text.toLowerCase()).toContain('connection: close')
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(closed).toBe(true)
    expect(upstream.received).toEqual([])
    const [, body] = text.split('\r\n\r\n')
    expect(JSON.parse(body ?? '')).toMatchObject({ error: 'invalid_request' })
    expect(test.log.map((entry) => entry.decision_id)).toContain(JSON.parse(body ?? '').decision_id)
  })

  it.each(brokenBodies)('%s: the service gets no whole request', async (_what, body) => {
    let whole = 0
    const counting = await startUpstream((request, response) => {
      request.on('error', () => undefined)
      request.on('end', () => {
        whole += 1
        response.end()
      })
      request.resume()
    })
    const gateway = await startGateway([
      { name: 's', audience: 's', upstream: [counting.origin], routes: [{ path: '/**', require: 'nothing' }] },
    ])
    const { text, closed } = await sendRaw(
      gateway.port,
      `${head(host, 'Transfer-Encoding: chunked')}${body}${smuggled}`,
      1500,
    )
    expect(text).toMatch(/^(HTTP\/1\.1 400 |$)/)
    expect(closed).toBe(true)
    expect(whole).toBe(0)
    expect(counting.received.map(({ url }) => url)).not.toContain('/smuggled')
    await gateway.stop()
    await counting.stop()
  })

  it('is closed when chunk extensions do not end', async () => {
    const { text, closed } = await sendRaw(
      test.port,
      `${head(host, 'Transfer-Encoding: chunked')}1;${'a'.repeat(40_000)}`,
      1500,
    )
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(closed).toBe(true)
  })

  it('is refused when headers do not end', async () => {
    const { text, closed } = await sendRaw(test.port, `GET / HTTP/1.1\r\n${host}\r\nX-A: ${'a'.repeat(20_000)}`, 1500)
    expect(text).toMatch(/^HTTP\/1\.1 431 /)
    expect(closed).toBe(true)
    const many = Array.from({ length: 150 }, (_, n) => `x-${n}: 1`)
    expect((await sendRaw(test.port, `GET / HTTP/1.1\r\n${host}\r\n${many.join('\r\n')}\r\n\r\n`, 1500)).text).toMatch(
      /^HTTP\/1\.1 431 /,
    )
    expect((await sendRaw(test.port, `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${host}\r\n\r\n`, 1500)).text).toMatch(
      /^HTTP\/1\.1 414 /,
    )
    expect(upstream.received).toEqual([])
  })
})

describe('a request that can be read in one way', () => {
  it('is forwarded as one, whatever it carries in its body', async () => {
    const bytes = `${head(host, `Content-Length: ${smuggled.length}`)}${smuggled}`
    expect((await sendRaw(test.port, bytes)).text).toMatch(/^HTTP\/1\.1 200 /)
    const chunked = `${head(host, 'Transfer-Encoding: Chunked')}${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`
    expect((await sendRaw(test.port, chunked)).text).toMatch(/^HTTP\/1\.1 200 /)
    const get = `GET /a HTTP/1.1\r\n${host}\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`
    expect((await sendRaw(test.port, get)).text).toMatch(/^HTTP\/1\.1 200 /)
    expect(upstream.received.map(({ url }) => url)).toEqual(['/a', '/a', '/a'])
  })

  it('loses its trailers', async () => {
    const bytes = `${head(host, 'Transfer-Encoding: chunked', 'Trailer: X-Gatehouse-Subject')}1\r\na\r\n0\r\nX-Gatehouse-Subject: usr_evil\r\n\r\n`
    expect((await sendRaw(test.port, bytes)).text).toMatch(/^HTTP\/1\.1 200 /)
    expect(upstream.received[0]?.headers['x-gatehouse-subject']).toBe('')
    expect(upstream.received[0]?.headers.trailer).toBeUndefined()
  })

  it('may come in absolute-form for the same host, and pipelined', async () => {
    const absolute = `GET http://AUTH.test:80/b?c HTTP/1.1\r\n${host}\r\n\r\n`
    const { text } = await sendRaw(test.port, `${absolute}GET /d HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`)
    expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2)
    expect(upstream.received.map(({ url }) => url)).toEqual(['/b?c', '/d'])
  })

  it('is forwarded with an Upgrade header removed, and never upgraded', async () => {
    const lines = [host, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']
    const { text } = await sendRaw(test.port, `GET /ws HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(upstream.received[0]?.headers.upgrade).toBeUndefined()
    expect(upstream.received[0]?.headers.connection).toBe('keep-alive')
  })
})

describe('a connection that goes wrong after the answer has begun', () => {
  it('is cut without a second answer in the first one’s body', async () => {
    const slow = await startUpstream((_request, response) => {
      response.writeHead(200)
      response.write('begun')
    })
    const gateway = await startGateway([
      { name: 's', audience: 's', upstream: [slow.origin], routes: [{ path: '/**', require: 'nothing' }] },
    ])
    const text = await new Promise<string>((resolve) => {
      let all = ''
      const socket = connect(gateway.port, '127.0.0.1')
      socket.write(`${head(host, 'Transfer-Encoding: chunked')}1\r\na\r\n`)
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        all += chunk.toString()
        if (all.includes('begun')) socket.write('zz\r\n')
      })
      socket.on('close', () => resolve(all))
    })
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(text).not.toContain('400')
    await gateway.stop()
    await slow.stop()
  })
})

describe('a body that does not come, after an answer that is there', () => {
  // A proxy in front that takes a request for finished with its answer sends the next one, of somebody else, where this one's body is due.
  const guarded = async (): Promise<TestGateway> =>
    startGateway([
      { name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'signed-in' }] },
    ])
  const withoutBody = (length: number): string => `${head(host, `Content-Length: ${length}`)}`

  it.each([3, 100_000])(
    'of %i bytes: whoever is refused before it came is told that the connection ends',
    async (length) => {
      const gateway = await guarded()
      const { text, closed } = await sendRaw(gateway.port, withoutBody(length), 2500)
      expect(text).toMatch(/^HTTP\/1\.1 401 /)
      expect(text).toMatch(/connection: close/i)
      expect(closed).toBe(true)
      await gateway.stop()
    },
  )

  it('and where it comes, the next request on the connection is answered', async () => {
    const gateway = await guarded()
    const { text } = await sendRaw(gateway.port, `${withoutBody(3)}abc${withoutBody(3)}def`, 300)
    expect(text.match(/HTTP\/1\.1 401 /g)).toHaveLength(2)
    expect(text).not.toMatch(/connection: close/i)
    await gateway.stop()
  })
})
