import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkRequest } from '../check-request.ts'
import { send } from '../fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'
import { peerAddress, requestScheme } from '../visit.ts'
import { securityHeaders } from './answer-rules.ts'

const app = 'https://app.example.com'
let upstream: TestUpstream
let test: TestGateway

beforeEach(async () => {
  upstream = await startUpstream((_request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-credentials', 'true')
    response.setHeader('x-powered-by', 'theirs')
    response.setHeader('x-frame-options', 'ALLOWALL')
    response.setHeader('vary', 'Accept')
    response.end('ok')
  })
})
afterEach(() => Promise.all([test.stop(), upstream.stop()]))

const serviceWith = (more: Partial<ServiceDefinition>): ServiceDefinition => {
  const routes = [
    { path: '/open', methods: ['GET', 'POST'], require: 'nothing' },
    { path: '/orders', require: { scopes: ['orders:read'] }, limits: { rate: [oncePerMinute] } },
  ] as const
  return { name: 's', audience: 's', upstream: [upstream?.origin ?? 'http://s'], routes, ...more }
}
const oncePerMinute = { per: 'address', requests: 3, window: 60 } as const

async function start(more: Partial<ServiceDefinition>): Promise<void> {
  const origin = { address: peerAddress, scheme: requestScheme, isTrustedProxy: () => true, findStated: peerAddress }
  test = await startGateway([serviceWith(more)], {
    dependencies: { origin },
    serve: (gateway) => (request, response) => {
      const checked = checkRequest(request)
      if (checked.ok && checked.path === '/gateway/check') gateway.check(request, response, checked)
      else gateway.handle(request, response, checked)
    },
  })
}

const preflight = (path: string, origin: string, method = 'GET', headers = {}) =>
  send(test.port, path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': method, ...headers },
  })

const corsOf = (headers: object): string[] => Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('a preflight', () => {
  it('of a listed origin is answered without any rule, and the service does not hear of it', async () => {
    await start({ cors: { origins: [app], credentials: true } })
    const answer = await preflight('/orders', app)
    expect(answer.status).toBe(204)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
      'access-control-max-age': '600',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    })
    expect((await preflight('/open', app)).headers['access-control-allow-methods']).toBe('GET, POST, HEAD')
    expect(upstream.received).toHaveLength(0)
  })

  const strangers = ['https://evil.example', 'https://app.example.com.evil.example', 'http://app.example.com', 'null']
  it.each([...strangers, 'https://APP.example.com', 'https://app.example.com:8443'])(
    'of %s is refused',
    async (origin) => {
      await start({ cors: { origins: [app] } })
      const answer = await preflight('/open', origin)
      expect(answer.status).toBe(403)
      expect(corsOf(answer.headers)).toEqual([])
      expect(answer.headers.vary).toBe('Origin')
      expect(test.log[0]).toMatchObject({ rule: 'cors.origins', needed: `one of the origins ${app}` })
    },
  )

  it('is a request like any other where nothing is said of CORS, or no route has the method', async () => {
    await start({})
    expect((await preflight('/open', app)).status).toBe(405)
    await test.stop()
    await start({ cors: { origins: [app] } })
    expect((await preflight('/open', app, 'DELETE')).status).toBe(405)
    expect((await preflight('/elsewhere', app)).status).toBe(404)
    expect((await send(test.port, '/open', { method: 'OPTIONS', headers: { origin: app } })).status).toBe(405)
    expect((await preflight('/open', app, 'GET', { host: 'other.example' })).status).toBe(421)
    expect(upstream.received).toHaveLength(0)
  })

  it('opens nothing for a proxy that asks, which would forward it', async () => {
    await start({ cors: { origins: [app] } })
    const answer = await send(test.port, '/gateway/check', {
      headers: {
        ...{ origin: app, 'access-control-request-method': 'GET', 'x-forwarded-method': 'OPTIONS' },
        ...{ 'x-forwarded-host': issuerHost, 'x-forwarded-uri': '/orders' },
      },
    })
    expect(answer.status).toBe(405)
  })
})

describe('an answer to a page of another origin', () => {
  it('says so in place of what the service says', async () => {
    await start({ cors: { origins: [app], expose: ['ETag', 'retry-after'] } })
    const answer = await send(test.port, '/open', { headers: { origin: app } })
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-expose-headers': 'ETag, retry-after, WWW-Authenticate, DPoP-Nonce',
      vary: 'Accept, Origin',
    })
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  it('says nothing to an origin that is not listed, and tells caches that it depends on it', async () => {
    await start({ cors: { origins: [app] } })
    for (const headers of [{ origin: 'https://evil.example' }, {}]) {
      const answer = await send(test.port, '/open', { headers })
      expect(answer.status).toBe(200)
      expect(corsOf(answer.headers)).toEqual([])
      expect(answer.headers.vary).toBe('Accept, Origin')
    }
  })

  it('can be read also where it is a refusal', async () => {
    await start({ cors: { origins: [app] } })
    const ask = (token?: string) =>
      send(test.port, '/orders', { headers: { origin: app }, ...(token === undefined ? {} : { token }) })
    const answers = [await ask(), await ask('writer'), await ask('reader'), await ask('reader')]
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 200, 429])
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBe(app)
      // Otherwise no script learns what to prove, or with which nonce (RFC 9449 section 9).
      expect(headers['access-control-expose-headers']).toBe('WWW-Authenticate, DPoP-Nonce, Retry-After')
    }
  })

  it('goes to any origin where all are allowed, and never with credentials', async () => {
    await start({ cors: { origins: ['*'] } })
    const { headers } = await send(test.port, '/open', { headers: { origin: 'https://any.example' } })
    expect(corsOf(headers)).toEqual(['access-control-allow-origin', 'access-control-expose-headers'])
    expect([headers['access-control-allow-origin'], headers.vary]).toEqual(['*', 'Accept'])
    expect((await preflight('/open', 'https://any.example')).headers['access-control-allow-origin']).toBe('*')
  })
})

describe('headers of answers', () => {
  it('are set in place of the service’s, and left out', async () => {
    await start({ responseHeaders: { set: { 'X-Frame-Options': 'DENY' }, remove: ['X-Powered-By'] } })
    const { headers } = await send(test.port, '/open')
    expect(headers['x-frame-options']).toBe('DENY')
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(headers['access-control-allow-origin']).toBe('*')
  })

  it('keep a browser from the usual mistakes by one word, refusals too', async () => {
    await start({ responseHeaders: { set: securityHeaders(true) } })
    for (const path of ['/open', '/orders']) {
      expect((await send(test.port, path)).headers).toMatchObject({
        ...{ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin' },
        'strict-transport-security': 'max-age=31536000',
      })
    }
    expect(securityHeaders(false)).not.toHaveProperty('strict-transport-security')
  })

  it('say whether an answer may be kept, where they say so', async () => {
    await start({ responseHeaders: { set: { 'cache-control': 'private, max-age=5' } } })
    const { headers } = await send(test.port, '/orders', { token: 'reader' })
    expect(headers['cache-control']).toBe('private, max-age=5')
    expect((await send(test.port, '/orders')).headers['cache-control']).toBe('no-store')
  })
})

describe('what cannot be meant is refused at load', () => {
  const refused: [Partial<ServiceDefinition>, RegExp][] = [
    [{ cors: { origins: [] } }, /cors\.origins is empty/],
    [{ cors: { origins: ['*'], credentials: true } }, /never send them to \*/],
    [{ cors: { origins: ['*', app] } }, /\* stands alone/],
    [{ cors: { origins: [`${app}/`] } }, /is no origin/],
    [{ cors: { origins: ['https://*.example.com'] } }, /is no origin/],
    [{ cors: { origins: ['https://App.example.com'] } }, /is no origin/],
    [{ cors: { origins: ['null'] } }, /is no origin/],
    [{ cors: { origins: [app], methods: ['get'] } }, /is no method/],
    [{ cors: { origins: [app], headers: ['*'] } }, /is no header name/],
    [{ cors: { origins: [app], maxAge: 90_000 } }, /at most 1d/],
    [{ responseHeaders: { set: { 'content-length': '5' } } }, /content-length is not decided here/],
    [{ responseHeaders: { remove: ['Transfer-Encoding'] } }, /not decided here/],
    [{ responseHeaders: { set: { 'access-control-allow-origin': '*' } } }, /not decided here/],
    [{ responseHeaders: { set: { 'x a': '5' } } }, /is no header name/],
    [{ responseHeaders: { set: { x: 'a\r\nset-cookie: b' } } }, /no plain text/],
    [{ responseHeaders: { set: { 'Set-Cookie': 'a=b' } } }, /never meant/],
  ]
  it.each(refused)('%j', (more, message) => {
    test = { ...test, stop: async () => undefined }
    expect(() => tableFor([serviceWith(more)])).toThrow(message)
  })
})
