import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { send, until } from '@gatehouse/gateway/fixtures/client'
import { ambiguous, brokenBodies, head, host, smuggled } from '@gatehouse/gateway/fixtures/framing'
import { expect, it } from 'vitest'
import { type Front, inFrontOfEach } from './upstreams/front.ts'

// How many requests a service sees, of what size, and for how long it is kept waiting: attacks G12, G16, G17, G23, G24 and G25.
// What counts is each service's own record; that of nginx is its access log.
const upload = (...lines: string[]): string => head(...lines).replace('POST /a', 'POST /upload')
const good = `GET /good HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`
const chunked = 'Transfer-Encoding: chunked'
const megabyte = 1024 * 1024

const services = (origin: string) =>
  [
    {
      name: 's',
      audience: 's',
      upstream: [origin],
      routes: [
        { path: '/small', require: 'nothing', limits: { body: 1000 } },
        { path: '/**', require: 'nothing' },
      ],
    },
  ] as const

/** What the bodies were since the last time that this was asked. */
function bodiesOf(front: Front): readonly number[] {
  const bodies = front.upstreams[0]?.bodies ?? []
  return (bodies as number[]).splice(0)
}

inFrontOfEach(services, (front) => {
  it.each(ambiguous)('shows the service nothing of what can be read in two ways: %s', async (_what, bytes) => {
    const { text, closed } = await front().say(bytes, 1500)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect([text.match(/HTTP\/1\.1 /g), closed]).toEqual([['HTTP/1.1 '], true])
    expect((await front().say(good)).text).toContain('open')
    // The connections to the service hold nothing of it either.
    expect((await front().news()).map(({ target }) => target)).toEqual(['/good'])
  })

  it.each(brokenBodies)('gives the service no whole request where the body breaks: %s', async (_what, body) => {
    const { text, closed } = await front().say(`${upload(host, chunked)}${body}${smuggled}`, 1500)
    expect(text).toMatch(/^(HTTP\/1\.1 400 |$)/)
    expect(closed).toBe(true)
    expect((await front().say(good)).text).toContain('open')
    const targets = (await front().news()).map(({ target }) => target)
    expect(targets.filter((target) => target !== '/upload')).toEqual(['/good'])
    expect(bodiesOf(front())).toEqual([])
  })

  const size = smuggled.length.toString(16)
  it.each([
    ['by its length', `${upload(host, `Content-Length: ${smuggled.length}`)}${smuggled}`],
    ['in chunks', `${upload(host, 'Transfer-Encoding: Chunked')}${size}\r\n${smuggled}\r\n0\r\n\r\n`],
    [
      'with another length by a name that some services fold',
      `${upload(host, chunked, 'Content_Length: 0')}${size}\r\n${smuggled}\r\n0\r\n\r\n`,
    ],
    [
      'with a coding by a name that some services fold',
      `${upload(host, `Content-Length: ${smuggled.length}`, 'Transfer_Encoding: chunked')}${smuggled}`,
    ],
  ])('shows the service one request that carries another one in its body, %s', async (_what, bytes) => {
    expect((await front().say(bytes)).text).toMatch(/^HTTP\/1\.1 200 /)
    expect((await front().say(good)).text).toContain('open')
    expect((await front().news()).map(({ target }) => target)).toEqual(['/upload', '/good'])
    expect(bodiesOf(front())).toEqual([smuggled.length])
  })

  it('shows the service one request for each that is sent in a row, and none for what follows a refused one', async () => {
    const row = ['/a', '/b', '/c'].map((path) => `GET ${path} HTTP/1.1\r\n${host}\r\n\r\n`).join('')
    expect((await front().say(row)).text.match(/HTTP\/1\.1 200 /g)).toHaveLength(3)
    expect((await front().news()).map(({ target }) => target)).toEqual(['/a', '/b', '/c'])
    const bad = `GET /a/../b HTTP/1.1\r\n${host}\r\n\r\n`
    expect((await front().say(`${bad}${smuggled}`)).text).not.toContain(' 200 ')
    expect(await front().news()).toEqual([])
  })

  it('takes no trailer for a header', async () => {
    const trailers = 'X-Gatehouse-Subject: usr_evil\r\nX-Forwarded-For: 10.0.0.1\r\nX-Smuggled: 1'
    const bytes = `${upload(host, chunked, 'Trailer: X-Gatehouse-Subject')}1\r\na\r\n0\r\n${trailers}\r\n\r\n`
    expect((await front().say(bytes)).text).toMatch(/^HTTP\/1\.1 200 /)
    const [received] = await front().news()
    expect(received).toMatchObject({ target: '/upload', address: '127.0.0.1' })
    expect(received?.headers).toMatchObject({ 'x-gatehouse-subject': '', trailer: '', 'x-smuggled': '' })
    expect(bodiesOf(front())).toEqual([1])
  })

  it.each([
    ['chunk extensions', `1;${'a'.repeat(40_000)}`, 413],
    ['trailers', `1\r\na\r\n0\r\nX-A: ${'a'.repeat(40_000)}`, 431],
    ['trailers of many lines', `1\r\na\r\n0\r\n${'X-A: a\r\n'.repeat(5000)}`, 431],
  ])(
    'closes the connection where %s do not end, and the service gets no whole request',
    async (_what, body, status) => {
      const { text, closed } = await front().say(`${upload(host, chunked)}${body}`, 1500)
      expect([Number(text.slice(9, 12)), closed]).toEqual([status, true])
      expect((await front().news()).filter(({ target }) => target !== '/upload')).toEqual([])
      expect(bodiesOf(front())).toEqual([])
    },
  )

  const many = Array.from({ length: 10_000 }, (_, index) => `p${index}=1`).join('&')
  it.each([
    ['one header of 20 kB', `GET / HTTP/1.1\r\n${host}\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['150 headers', `GET / HTTP/1.1\r\n${host}\r\n${'X-A: a\r\n'.repeat(150)}\r\n`, 431],
    ['a path of 9 kB', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${host}\r\n\r\n`, 414],
    ['10,000 parameters', `GET /?${many} HTTP/1.1\r\n${host}\r\n\r\n`, 431],
    ['a body of 100 MB', head(host, `Content-Length: ${100 * megabyte}`), 413],
    ['a body that is longer than its route takes', head(host, 'Content-Length: 1001').replace('/a', '/small'), 413],
  ])('refuses %s before the service hears of it', async (_what, bytes, status) => {
    const { text } = await front().say(bytes, 1500)
    expect(Number(text.slice(9, 12))).toBe(status)
    // nginx may write down an upload of before only now that it was broken off.
    expect((await front().news()).filter(({ target }) => target !== '/upload')).toEqual([])
  })

  it('gives the service no whole request where a chunked body turns out too long', async () => {
    const body = Array.from({ length: 12 }, () => `100000\r\n${'a'.repeat(megabyte)}\r\n`).join('')
    const { text } = await front().say(`${upload(host, chunked)}${body}`, 1500)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    await front().news()
    expect(bodiesOf(front())).toEqual([])
  })

  it('hands on what the service itself says to a body that it finds too long', async () => {
    const body = Buffer.alloc(3 * megabyte)
    const { status } = await send(front().test.port, '/large-body', { method: 'POST', body })
    // Plain node does not read it; the others take a megabyte.
    expect([200, 413]).toContain(status)
    expect((await front().say(good)).text).toContain('open')
    await front().news()
    bodiesOf(front())
  })

  it('unpacks nothing: the service gets what was sent', async () => {
    const body = gzipSync(Buffer.alloc(100 * megabyte))
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
    const { status } = await send(front().test.port, '/upload', { method: 'POST', body, headers })
    expect(status).toBe(200)
    expect(await front().news()).toMatchObject([{ target: '/upload', headers: { 'content-encoding': 'gzip' } }])
    expect(bodiesOf(front())).toEqual([body.length])
  })
})

inFrontOfEach(
  services,
  (front) => {
    it.each([
      ['stops', undefined],
      ['trickles', 'a'],
    ])('gives up a body that %s, and the service gets no whole request', async (_how, drip) => {
      const socket = connect(front().test.port, '127.0.0.1', () =>
        socket.write(`${upload(host, 'Content-Length: 100000')}abc`),
      )
      const timer = setInterval(() => drip !== undefined && socket.writable && socket.write(drip), 20)
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      const closed = new Promise((resolve) => socket.on('close', resolve))
      await until(() => text.includes('request_timeout'))
      await closed
      clearInterval(timer)
      expect(text).toMatch(/^HTTP\/1\.1 408 /)
      expect((await front().say(good)).text).toContain('open')
      expect((await front().news()).filter(({ target }) => target !== '/upload').map(({ target }) => target)).toEqual([
        '/good',
      ])
      expect(bodiesOf(front())).toEqual([])
    })

    it('breaks off an answer that the client does not read, and has the service’s connection back', async () => {
      const { answers, port } = front().test
      answers.length = 0
      const socket = connect(port, '127.0.0.1', () => socket.write(`GET /large HTTP/1.1\r\n${host}\r\n\r\n`))
      socket.on('error', () => undefined).pause()
      await until(() => answers.length === 1)
      let received = 0
      socket.on('data', (chunk) => {
        received += chunk.length
      })
      const closed = new Promise((resolve) => socket.on('close', resolve))
      socket.resume()
      await closed
      expect(received).toBeLessThan(32 * megabyte)
      expect((await front().say(good)).text).toContain('open')
      await front().news()
    })
  },
  { tuning: { tick: 50, bodyIdleTicks: 6, minimumRate: 100, stallTicks: 10 } },
)
