import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createOutbound, type Outbound, type OutboundRequest } from './outbound.ts'
import { OutboundError, type OutboundFailure } from './outbound-error.ts'

const request: OutboundRequest = { accept: ['application/json'], limitBytes: 1000, timeoutMs: 500 }
const listen = async (server: Server | TcpServer, host = '127.0.0.1'): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return (server.address() as AddressInfo).port // TCP
}

const reasonOf = async (promise: Promise<unknown>): Promise<OutboundFailure | 'none'> => {
  try {
    await promise
    return 'none'
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    expect(error.message).toBe('the document could not be fetched')
    return error.reason
  }
}

let outbound: Outbound
afterEach(() => outbound.close())

describe('a request to what is not public', () => {
  let connections = 0
  let port = 0
  const target = createTcpServer((socket) => {
    connections += 1
    socket.destroy()
  })
  beforeAll(async () => {
    port = await listen(target, '::')
  })
  afterAll(() => new Promise((resolve) => target.close(resolve)))
  beforeEach(() => {
    connections = 0
  })

  it.each([
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f.1',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://0',
    'https://[::1]',
    'https://[::]',
    'https://[::ffff:7f00:1]',
    'https://[::ffff:127.0.0.1]',
    'https://[64:ff9b::7f00:1]',
    'https://169.254.169.254',
    'https://10.0.0.1',
    'https://localhost',
    'https://LOCALHOST.',
    'https://rebound.example',
    'https://mixed.example',
  ])('connects to nothing: %s', async (origin) => {
    const resolve = async (host: string) =>
      host === 'mixed.example'
        ? [
            { address: '8.8.8.8', family: 4 },
            { address: '127.0.0.1', family: 4 },
          ]
        : [{ address: '127.0.0.1', family: 4 }]
    outbound = createOutbound({ allowLoopback: false, resolve })
    expect(await reasonOf(outbound.fetch(`${origin}:${port}/`, request))).toBe('address_not_allowed')
    expect(connections).toBe(0)
  })

  it('is refused alike whether something listens or not', async () => {
    outbound = createOutbound({ allowLoopback: false })
    const open = await outbound.fetch(`https://127.0.0.1:${port}/`, request).catch((error: unknown) => error)
    const shut = await outbound.fetch('https://127.0.0.1:9/', request).catch((error: unknown) => error)
    expect(JSON.stringify(open)).toBe(JSON.stringify(shut))
    expect(connections).toBe(0)
  })

  it.each([
    'file:///etc/passwd',
    'gopher://example.com/',
    'ftp://example.com/',
    'data:application/json,{}',
    'http://example.com/',
    'https://user@example.com/',
    'https://user:word@example.com/',
    '//example.com/',
    'no url',
    '',
  ])('is refused for its URL: %s', async (url) => {
    outbound = createOutbound({ allowLoopback: false })
    expect(await reasonOf(outbound.fetch(url, request))).toBe('url_not_allowed')
  })

  it('reaches this machine over http only in development, and nothing else over http then', async () => {
    outbound = createOutbound({ allowLoopback: true })
    for (const url of ['http://8.8.8.8/', 'http://10.0.0.1/', 'https://10.0.0.1/', 'http://[::ffff:7f00:1]/'])
      expect(await reasonOf(outbound.fetch(url, request))).toBe('address_not_allowed')
    expect(await reasonOf(outbound.fetch(`http://127.0.0.1:${port}/`, request))).toBe('unreachable')
    expect(connections).toBe(1)
  })

  it('reaches a private network where that is said, over https alone, and link-local addresses never', async () => {
    outbound = createOutbound({ allowLoopback: false })
    const inside = { ...request, allowsPrivate: true }
    expect(await reasonOf(outbound.fetch(`https://127.0.0.1:${port}/`, inside))).toBe('unreachable')
    expect(connections).toBe(1)
    expect(await reasonOf(outbound.fetch(`http://127.0.0.1:${port}/`, inside))).toBe('url_not_allowed')
    expect(await reasonOf(outbound.fetch('https://169.254.169.254/', inside))).toBe('address_not_allowed')
    expect(await reasonOf(outbound.fetch(`https://127.0.0.1:${port}/`, request))).toBe('address_not_allowed')
    expect(connections).toBe(1)
  })
})

describe('an answer', () => {
  const seen: IncomingMessage[] = []
  let answer: (response: ServerResponse, incoming: IncomingMessage) => void = () => {}
  const server = createServer((incoming, response) => {
    seen.push(incoming)
    answer(response, incoming)
  })
  let url = ''
  let port = 0
  beforeAll(async () => {
    port = await listen(server)
    url = `http://127.0.0.1:${port}/`
  })
  beforeEach(() => {
    seen.length = 0
    outbound = createOutbound({ allowLoopback: true })
  })
  afterAll(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const json = { 'content-type': 'Application/JSON; charset=utf-8' }

  it('is given with its status, headers and text', async () => {
    answer = (response) => response.writeHead(200, { ...json, 'cache-control': 'max-age=60' }).end('{"a":"ü"}')
    const { status, headers, text } = await outbound.fetch(url, { ...request, headers: { 'x-a': 'b' } })
    expect([status, headers['cache-control'], text]).toEqual([200, 'max-age=60', '{"a":"ü"}'])
    expect(seen[0]?.headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'identity', 'x-a': 'b' })
  })

  it('comes for a body that was sent', async () => {
    answer = async (response, incoming) => {
      let body = ''
      for await (const chunk of incoming) body += String(chunk)
      response.writeHead(200, json).end(JSON.stringify({ body, length: incoming.headers['content-length'] }))
    }
    const { text } = await outbound.fetch(url, { ...request, method: 'POST', body: 'logout_token=ü' })
    expect(JSON.parse(text)).toEqual({ body: 'logout_token=ü', length: '15' })
  })

  it('is not read where nothing is wanted, or where it is no success', async () => {
    answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
    expect(await outbound.fetch(url, { ...request, accept: [] })).toMatchObject({ status: 200, text: '' })
    answer = (response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<p>')
    expect(await outbound.fetch(url, request)).toMatchObject({ status: 404, text: '' })
  })

  it('is read in a refusal where that is asked for, within the same limits', async () => {
    const asked = { ...request, readsRefusals: true }
    answer = (response) => response.writeHead(400, json).end('{"error":"invalid_grant"}')
    expect(await outbound.fetch(url, asked)).toMatchObject({ status: 400, text: '{"error":"invalid_grant"}' })
    answer = (response) => response.writeHead(400, { 'content-type': 'text/html' }).end('<p>')
    expect(await outbound.fetch(url, asked)).toMatchObject({ status: 400, text: '' })
    answer = (response) => response.writeHead(400, { ...json, 'content-length': 1_000_000_000 }).write(' ')
    expect(await reasonOf(outbound.fetch(url, asked))).toBe('too_large')
  })

  it.each([301, 302, 303, 307, 308])('of status %i is not followed', async (status) => {
    answer = (response) => response.writeHead(status, { location: `${url}internal` }).end()
    expect(await reasonOf(outbound.fetch(url, request))).toBe('redirected')
    expect(seen).toHaveLength(1)
  })

  it.each(['text/html', 'application/jsonp', 'text/plain; application/json', ''])(
    'of type "%s" is refused',
    async (type) => {
      answer = (response) => response.writeHead(200, type === '' ? {} : { 'content-type': type }).end('{}')
      expect(await reasonOf(outbound.fetch(url, request))).toBe('wrong_type')
    },
  )

  it('that is compressed is refused, not blown up', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    answer = (response) => response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb)
    expect(await reasonOf(outbound.fetch(url, { ...request, limitBytes: 100_000 }))).toBe('encoded')
  })

  it('of more bytes than allowed is cut off, announced or not', async () => {
    answer = (response) => response.writeHead(200, { ...json, 'content-length': 1_000_000_000 }).write(' ')
    expect(await reasonOf(outbound.fetch(url, request))).toBe('too_large')
    let sent = 0
    answer = (response) => {
      response.writeHead(200, json)
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
      }
      response.on('drain', pour)
      pour()
    }
    expect(await reasonOf(outbound.fetch(url, request))).toBe('too_large')
    expect(sent).toBeLessThan(50_000_000)
    answer = (response) => response.writeHead(200, json).end(' '.repeat(1000))
    expect(await reasonOf(outbound.fetch(url, request))).toBe('none')
    answer = (response) => response.writeHead(200, json).end(' '.repeat(1001))
    expect(await reasonOf(outbound.fetch(url, request))).toBe('too_large')
  })

  it.each([
    ['never begins', () => {}],
    ['never ends', (response: ServerResponse) => response.writeHead(200, json).write('{')],
    [
      'drips',
      (response: ServerResponse) => {
        response.writeHead(200, json)
        const timer = setInterval(() => response.write(' '), 50)
        response.on('close', () => clearInterval(timer))
      },
    ],
  ])('that %s is given up after the whole time', async (_, slowly) => {
    answer = slowly
    const begun = performance.now()
    expect(await reasonOf(outbound.fetch(url, request))).toBe('timeout')
    expect(performance.now() - begun).toBeLessThan(1500)
  })

  it('that is no text is refused', async () => {
    answer = (response) => response.writeHead(200, json).end(Buffer.from([0x7b, 0xff, 0x7d]))
    expect(await reasonOf(outbound.fetch(url, request))).toBe('wrong_type')
  })

  it('comes from the address that was checked: the name is resolved once', async () => {
    const asked: string[] = []
    const resolve = async (host: string) => {
      asked.push(host)
      return [{ address: asked.length === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
    }
    outbound = createOutbound({ allowLoopback: true, resolve })
    answer = (response) => response.writeHead(200, json).end('{}')
    expect((await outbound.fetch(`http://app.example:${port}/`, request)).status).toBe(200)
    expect(asked).toEqual(['app.example'])
    expect(seen[0]?.headers.host).toBe(`app.example:${port}`)
  })

  it('is not waited for once the way out is closed, or the name does not resolve in time', async () => {
    answer = () => {}
    const pending = reasonOf(outbound.fetch(url, { ...request, timeoutMs: 10_000 }))
    setTimeout(() => outbound.close(), 50)
    expect(await pending).toBe('closed')
    expect(await reasonOf(outbound.fetch(url, request))).toBe('closed')
    outbound = createOutbound({ allowLoopback: true, resolve: () => new Promise(() => {}) })
    expect(await reasonOf(outbound.fetch('https://slow.example/', { ...request, timeoutMs: 100 }))).toBe('timeout')
    outbound = createOutbound({ allowLoopback: true, resolve: () => Promise.reject(new Error('ENOTFOUND')) })
    expect(await reasonOf(outbound.fetch('https://none.example/', request))).toBe('unreachable')
  })
  it('is waited for five seconds where nobody says how long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      outbound = createOutbound({ allowLoopback: true, resolve: () => new Promise(() => {}) })
      let reason = 'none'
      const ended = reasonOf(outbound.fetch('https://slow.example/', { accept: [], limitBytes: 0 })).then((why) => {
        reason = why
      })
      await vi.advanceTimersByTimeAsync(4999)
      expect(reason).toBe('none')
      await vi.advanceTimersByTimeAsync(1)
      await ended
      expect(reason).toBe('timeout')
    } finally {
      vi.useRealTimers()
    }
  })
})
