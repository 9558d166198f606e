import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { openSession, openStream, readStream, sendHttp2 } from '../fixtures/http2-client.ts'
import { type Http2Front, startHttp2Front } from '../fixtures/http2-front.ts'
import { frameType, get, headersFrame, openRaw } from '../fixtures/raw-http2.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'

let upstream: TestUpstream
let front: Http2Front
const stops: (() => unknown)[] = []
beforeEach(async () => {
  upstream = await startUpstream((request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/echo')) return void request.pipe(response)
    if (path === '/two')
      return void response
        .writeHead(200, [
          'set-cookie',
          'a=1',
          'set-cookie',
          'b=2',
          'ETag',
          '"1"',
          'ETag',
          '"2"',
          'Connection',
          'x-hop',
          'x-hop',
          '1',
        ])
        .end('two')
    if (path === '/odd') return void response.writeHead(999).end('odd')
    if (path === '/empty') return void response.writeHead(204).end()
    if (path === '/slow') return
    if (path === '/breaks') {
      response.write('half')
      return void setTimeout(() => response.destroy(), 20)
    }
    if (path === '/take') return void request.resume().on('end', () => response.end('taken'))
    response.setHeader('content-length', 2)
    response.end('ok')
  })
  front = await startHttp2Front([
    {
      name: 'orders',
      audience: 'https://orders.test',
      upstream: [upstream.origin],
      limits: { body: 200_000 },
      routes: [
        { path: '/**', require: 'nothing' },
        { path: '/mine', require: 'signed-in' },
      ],
    },
  ])
  stops.push(
    () => upstream.stop(),
    () => front.stop(),
  )
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

describe('a request by HTTP/2', () => {
  it('is told of a status that HTTP/2 has no way to say that the service gave no usable answer', async () => {
    for (const method of ['GET', 'HEAD'])
      expect((await sendHttp2(front.port, '/odd', { ':method': method })).status).toBe(502)
    expect((await sendHttp2(front.port, '/')).status).toBe(200)
  })

  it('is decided on and forwarded as one by HTTP/1.1', async () => {
    expect((await sendHttp2(front.port, '/mine')).status).toBe(401)
    const { status, body, headers } = await sendHttp2(front.port, '/mine', {
      token: 'user',
      'x-gatehouse-subject': 'root',
    })
    expect([status, body]).toEqual([200, 'ok'])
    expect(headers).not.toHaveProperty('connection')
    expect(upstream.received).toHaveLength(1)
    expect(upstream.received[0]?.headers).toMatchObject({
      'x-gatehouse-subject': 'usr_0123456789abcdefghijkl',
      'x-forwarded-host': 'auth.test',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
    })
  })

  it('sends a body of an announced length with it, and any other in chunks', async () => {
    const large = Buffer.alloc(150_000, 'a')
    const announced = await sendHttp2(front.port, '/echo', { ':method': 'POST', 'content-length': large.length }, large)
    const streamed = await sendHttp2(front.port, '/echo', { ':method': 'POST' }, large)
    expect([announced.body.length, streamed.body.length]).toEqual([150_000, 150_000])
    expect(upstream.received.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      ['150000', undefined],
      [undefined, 'chunked'],
    ])
  })

  it('is told 413 where its body is too long, and the connection goes on', async () => {
    const session = openSession(front.port)
    const stream = openStream(session, '/take', { ':method': 'POST' }, false)
    const answer = readStream(stream)
    stream.end(Buffer.alloc(300_000))
    expect((await answer).status).toBe(413)
    expect((await readStream(openStream(session, '/'))).status).toBe(200)
    session.destroy()
  })

  it('has its cookie crumbs joined, without those of ours', async () => {
    const cookie = ['a=1', '__Host-gatehouse_session=secret', 'b=2']
    await sendHttp2(front.port, '/', { cookie })
    expect(upstream.received[0]?.headers.cookie?.replaceAll(' ', '')).toBe('a=1;b=2')
  })

  it('gets every Set-Cookie, and no header of a connection', async () => {
    const { status, headers, body } = await sendHttp2(front.port, '/two')
    expect([status, body, headers['set-cookie']]).toEqual([200, 'two', ['a=1', 'b=2']])
    expect(headers.etag).toBe('"1", "2"')
    expect(headers).not.toHaveProperty('x-hop')
  })

  it('is answered without a body where there is none', async () => {
    const session = openSession(front.port)
    const [head, empty] = await Promise.all([
      readStream(openStream(session, '/', { ':method': 'HEAD' })),
      readStream(openStream(session, '/empty')),
    ])
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', '2'])
    expect([empty.status, empty.body]).toEqual([204, ''])
    await until(() => front.answers.length === 2)
    // Nor waited for what its client may still send.
    const sending = await readStream(openStream(session, '/mine', { ':method': 'HEAD' }, false))
    expect([sending.status, sending.code]).toEqual([401, 0])
    session.destroy()
  })

  it('is broken off where the service breaks off, and nobody takes half for a whole', async () => {
    const answer = await sendHttp2(front.port, '/breaks')
    expect(answer).toMatchObject({ status: 200, body: 'half', code: 2 })
    // What says so is no frame behind the end of the body: there is no end.
    const raw = await openRaw(front.port)
    raw.write(headersFrame(1, get('/breaks')))
    await until(() => raw.resetCode(1) !== undefined)
    expect(raw.frames.filter(({ type, flags }) => type === frameType.data && flags !== 0)).toEqual([])
    raw.socket.destroy()
  })

  it('is given up where its client gives it up, and the connection goes on', async () => {
    const session = openSession(front.port)
    const stream = openStream(session, '/slow')
    stream.on('error', () => undefined)
    await until(() => upstream.received.length === 1)
    stream.close(8)
    await until(() => front.answers.length === 1)
    expect(front.answers[0]?.status).toBe(499)
    expect((await readStream(openStream(session, '/'))).body).toBe('ok')
    session.destroy()
  })

  it('is answered 100 where it waits for that', async () => {
    const session = openSession(front.port)
    const stream = openStream(session, '/echo', { ':method': 'POST', expect: '100-continue' }, false)
    const answer = readStream(stream)
    stream.on('continue', () => stream.end('now'))
    expect((await answer).body).toBe('now')
    session.destroy()
  })
})

describe('a gateway that stops', () => {
  it('says so, lets streams end, and takes no more', async () => {
    const session = openSession(front.port)
    const stream = openStream(session, '/echo', { ':method': 'POST' }, false)
    const answer = readStream(stream)
    stream.write('a')
    await until(() => upstream.received.length === 1)
    let isTold = false
    session.on('goaway', (code) => {
      isTold = code === 0
    })
    front.stopServing()
    await until(() => isTold)
    stream.end('b')
    expect(await answer).toMatchObject({ status: 200, body: 'ab', code: 0 })
    await until(() => session.destroyed)
  })

  it('names the last stream that it has taken, so that its client can send what came later elsewhere', async () => {
    const raw = await openRaw(front.port)
    raw.write(headersFrame(1, get()))
    await until(() => raw.status(1) === 200)
    front.stopServing()
    raw.write(headersFrame(3, get()))
    await until(() => raw.isClosed)
    expect(raw.frames.findLast(({ type }) => type === frameType.goaway)?.payload.readUInt32BE(0)).toBe(1)
    expect([raw.status(3), upstream.received.length]).toEqual([0, 1])
  })

  it('takes nothing of connections whose handshake ends after that, and tells them at once', async () => {
    front.stopServing()
    const raw = await openRaw(front.port)
    raw.write(headersFrame(1, get()))
    await until(() => raw.isClosed)
    expect(
      raw.frames.filter(({ type }) => type === frameType.goaway).map(({ payload }) => payload.readUInt32BE(4)),
    ).toEqual([0])
    expect([raw.status(1), upstream.received.length]).toEqual([0, 0])
  })
})
