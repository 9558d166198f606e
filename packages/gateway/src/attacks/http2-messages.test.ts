import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { type Http2Front, startHttp2Front } from '../fixtures/http2-front.ts'
import { flags, frame, frameType, get, headersFrame, openRaw, type RawHttp2 } from '../fixtures/raw-http2.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'

// Requests that are malformed, or that would be another one where they are written out as HTTP/1.1 (RFC 9113 section 10.3).
// nghttp2 refuses most of them by itself: these tests hold it to that.

let upstream: TestUpstream
let front: Http2Front
/** How the bodies ended that reached the service. */
let bodies: string[]
const open: RawHttp2[] = []
beforeEach(async () => {
  bodies = []
  upstream = await startUpstream((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      bodies.push(text)
      response.end('ok')
    })
    request.on('error', () => bodies.push(`${text} (cut)`))
  })
  front = await startHttp2Front([
    { name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'nothing' }] },
  ])
})
afterEach(async () => {
  for (const raw of open.splice(0)) raw.socket.destroy()
  await front.stop()
  await upstream.stop()
})

async function connect(): Promise<RawHttp2> {
  const raw = await openRaw(front.port)
  open.push(raw)
  return raw
}

const isOver = (raw: RawHttp2, stream = 1) =>
  raw.isClosed || raw.status(stream) !== 0 || raw.resetCode(stream) !== undefined

type Fields = (readonly [string, string])[]
const post = (...more: Fields): Fields => [[':method', 'POST'], ...get().slice(1), ...more]
const changed = (name: string, value: string): Fields =>
  get().map(([own, before]) => [own, own === name ? value : before])

describe('a header list that is no request', () => {
  const lists: Record<string, Fields> = {
    'a name in capitals': [...get(), ['X-Upper', '1']],
    'two of a pseudo-header field': [...get(), [':path', '/other']],
    'two authorities': [...get(), [':authority', 'evil.test']],
    'two methods': [...get(), [':method', 'POST']],
    'a pseudo-header field that is none': [...get(), [':evil', '1']],
    'one of an answer': [...get(), [':status', '200']],
    'one behind a header': [['x-a', '1'], ...get()],
    'no :method': get().slice(1),
    'no :path': get().slice(0, 3),
    'an empty :path': changed(':path', ''),
    'a line break in the :path': changed(':path', '/ HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /admin'),
    'a line break in the :authority': changed(':authority', 'auth.test\r\nx-gatehouse-subject: root'),
    'a line break in the :method': changed(':method', 'GET / HTTP/1.1\r\nx: y'),
    'a space in the :method': changed(':method', 'GET /admin'),
    connection: [...get(), ['connection', 'x-gatehouse-subject']],
    'keep-alive': [...get(), ['keep-alive', '1']],
    'proxy-connection': [...get(), ['proxy-connection', 'keep-alive']],
    'transfer-encoding': [...get(), ['transfer-encoding', 'chunked']],
    upgrade: [...get(), ['upgrade', 'websocket']],
    'te with more than trailers': [...get(), ['te', 'gzip']],
    'two lengths': [...get(), ['content-length', '0'], ['content-length', '5']],
    'a length that is none': [...get(), ['content-length', '+1']],
    'a length and no body': [...get(), ['content-length', '5']],
    'CONNECT with a protocol': [...changed(':method', 'CONNECT'), [':protocol', 'websocket']],
  }
  it.each(Object.entries(lists))('with %s is reset and reaches nobody', async (_name, fields) => {
    const raw = await connect()
    raw.write(headersFrame(1, fields))
    await until(() => isOver(raw))
    expect([raw.status(1), raw.resetCode(1)]).toEqual([0, 1])
    expect(upstream.received).toEqual([])
  })

  const refused: Record<string, Fields> = {
    'another Host than the authority': [...get(), ['host', 'evil.test']],
    'userinfo in the authority': changed(':authority', 'root@auth.test'),
    'no authority and no Host': get().filter(([name]) => name !== ':authority'),
    'a scheme that is no web': changed(':scheme', 'ftp'),
    'an absolute target': [...changed(':scheme', 'ftp').slice(0, 3), [':path', 'http://auth.test/']],
    'a fragment': changed(':path', '/a#b'),
    'an escaped slash': changed(':path', '/a%2fb'),
  }
  it.each(Object.entries(refused))('with %s is refused and reaches nobody', async (_name, fields) => {
    const raw = await connect()
    raw.write(headersFrame(1, fields))
    await until(() => isOver(raw))
    expect(raw.status(1) === 400 || raw.resetCode(1) === 1).toBe(true)
    expect(upstream.received).toEqual([])
    // Frames say where it has ended: the next one on the connection is a request like any other.
    raw.write(headersFrame(3, get()))
    await until(() => isOver(raw, 3))
    expect(raw.status(3)).toBe(200)
  })

  it('with CONNECT is 405', async () => {
    const raw = await connect()
    raw.write(
      headersFrame(1, [
        [':method', 'CONNECT'],
        [':authority', 'auth.test:443'],
      ]),
    )
    await until(() => isOver(raw))
    expect(front.log).toMatchObject([{ code: 'method_not_allowed', status: 405 }])
  })
})

describe('a header that cannot be written out', () => {
  it.each([
    ['a line break in its value', 'x-a', '1\r\nx-gatehouse-subject: root'],
    ['a bare line feed', 'x-a', '1\nx-gatehouse-subject: root'],
    ['a bare carriage return', 'x-a', '1\rx-gatehouse-subject: root'],
    ['a NUL', 'x-a', '1\0'],
    ['a line break in its name', 'x-a: 1\r\nx-gatehouse-subject', 'root'],
    ['a colon in its name', 'x-gatehouse-subject:', 'root'],
    ['a space in its name', 'x-gatehouse-subject ', 'root'],
    ['no name', '', 'root'],
  ])('for %s is left out, and nothing comes of it', async (_name, name, value) => {
    const raw = await connect()
    raw.write(headersFrame(1, [...get(), [name, value], ['x-last', 'there']]))
    await until(() => isOver(raw))
    if (raw.status(1) !== 200) return expect(upstream.received).toEqual([])
    const [received] = upstream.received
    expect(received?.headers['x-gatehouse-subject']).toBe('')
    expect(received?.headers).not.toHaveProperty('x-a')
    expect(received?.rawHeaders.join('\n')).not.toContain('root')
  })
})

describe('a body', () => {
  it.each([
    ['shorter', 'ab'],
    ['longer', 'abcdefgh'],
  ])('%s than announced is not taken for the whole', async (_name, body) => {
    const raw = await connect()
    raw.write(headersFrame(1, post(['content-length', '4']), flags.endHeaders))
    raw.write(frame(frameType.data, flags.endStream, 1, Buffer.from(body)))
    await until(() => isOver(raw))
    expect([raw.status(1), raw.resetCode(1)]).toEqual([0, 1])
    await until(() => front.answers.length === 1)
    expect(bodies.filter((text) => !text.endsWith('(cut)'))).toEqual([])
  })

  it('that its client cuts without an error is not taken for the whole', async () => {
    const raw = await connect()
    raw.write(headersFrame(1, post(), flags.endHeaders), frame(frameType.data, 0, 1, Buffer.from('half')))
    await until(() => upstream.received.length === 1)
    raw.write(frame(frameType.reset, 0, 1, Buffer.alloc(4)))
    await until(() => bodies.length === 1)
    expect(bodies).toEqual(['half (cut)'])
  })

  it('that looks like the end of a chunked one is only a body', async () => {
    const smuggled = '0\r\n\r\nGET /admin HTTP/1.1\r\nHost: auth.test\r\n\r\n'
    const raw = await connect()
    raw.write(headersFrame(1, post(), flags.endHeaders), frame(frameType.data, 1, 1, Buffer.from(smuggled)))
    await until(() => isOver(raw))
    expect([raw.status(1), bodies, upstream.received.length]).toEqual([200, [smuggled], 1])
  })

  it('gets no trailers through that would speak of identity', async () => {
    const raw = await connect()
    raw.write(headersFrame(1, post(), flags.endHeaders), frame(frameType.data, 0, 1, Buffer.from('a')))
    raw.write(headersFrame(1, [['x-gatehouse-subject', 'root']]))
    await until(() => isOver(raw))
    expect([raw.status(1), bodies]).toEqual([200, ['a']])
    expect(upstream.received[0]?.headers['x-gatehouse-subject']).toBe('')
    expect(upstream.received[0]?.headers).not.toHaveProperty('trailer')
  })
})
