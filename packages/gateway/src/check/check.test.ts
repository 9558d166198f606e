import { identityHeaders } from '@gatehouse/core/wire-names'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkRequest } from '../check-request.ts'
import { send } from '../fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { sendHttp2 } from '../fixtures/http2-client.ts'
import { startHttp2Front } from '../fixtures/http2-front.ts'
import { peerAddress, requestScheme } from '../visit.ts'

let test: TestGateway
let services: Parameters<typeof startGateway>[0]
let isTrusted = true

const options: Parameters<typeof startGateway>[1] = {
  dependencies: {
    hiddenHeaders: ['X-Client-Cert'],
    origin: { address: peerAddress, scheme: requestScheme, isTrustedProxy: () => isTrusted, findStated: peerAddress },
  },
  serve:
    (gateway) =>
    (request, response, question = checkRequest(request)) => {
      if (question.ok && question.path === '/gateway/check') gateway.check(request, response, question)
      else gateway.handle(request, response, question)
    },
}

beforeAll(async () => {
  const routes = [
    { path: '/public/**', require: 'nothing' },
    { path: '/optional', require: 'optional' },
    { path: '/orders/**', methods: ['GET'], require: { scopes: ['orders:read'] } },
    { path: '/orders/**', methods: ['POST'], require: { scopes: ['orders:write'] } },
    { path: '/admin/**', require: { roles: ['boss'] } },
  ] as const
  services = [{ name: 'orders', audience: 'https://orders.test', upstream: [], forwardAuth: true, routes }]
  test = await startGateway(services, options)
})
afterAll(() => test.stop())
beforeEach(() => {
  isTrusted = true
  test.log.length = 0
})

interface Question {
  readonly method?: string
  readonly host?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly query?: string
}

/** Asks about a request as a proxy does. */
const ask = (uri: string, { method = 'GET', host = issuerHost, token, headers = {}, query = '' }: Question = {}) =>
  send(test.port, `/gateway/check${query}`, {
    ...(token === undefined ? {} : { token }),
    headers: {
      host: 'gatehouse.internal',
      'x-forwarded-method': method,
      'x-forwarded-host': host,
      'x-forwarded-uri': uri,
      ...headers,
    },
  })

const statusOf = async (uri: string, question?: Question) => (await ask(uri, question)).status

describe('a proxy that asks', () => {
  it('is answered by the routes and rules of the request that it asks about', async () => {
    expect(await statusOf('/orders/7?x=1', { token: 'reader' })).toBe(200)
    expect(await statusOf('/orders/7', { token: 'writer' })).toBe(403)
    expect(await statusOf('/orders/7', { token: 'reader', method: 'POST' })).toBe(403)
    expect(await statusOf('/orders/7', { token: 'reader', method: 'DELETE' })).toBe(405)
    expect(await statusOf('/orders/7')).toBe(401)
    expect(await statusOf('/nowhere')).toBe(404)
    expect(await statusOf('/orders/7', { token: 'reader', host: 'other.test' })).toBe(421)
    expect(test.log.at(-1)).toMatchObject({ code: 'misdirected_request', host: 'other.test' })
  })

  it('is told every identity header, empty where there is nothing to say', async () => {
    const names = [...Object.values(identityHeaders), 'authorization', 'cookie', 'x-request-id']
    for (const question of [{ token: 'reader' }, {}]) {
      const { status, headers } = await ask('/optional', question)
      expect(status).toBe(200)
      for (const name of names) expect(headers, name).toHaveProperty(name)
    }
    expect((await ask('/optional', { token: 'reader' })).headers).toMatchObject({
      'x-gatehouse-subject': 'usr_0123456789abcdefghijkl',
      authorization: 'Bearer identity-of-usr_0123456789abcdefghijkl-for-orders',
    })
    const nobody = (await ask('/public/x', { token: 'reader' })).headers
    expect([nobody['x-gatehouse-subject'], nobody.authorization]).toEqual(['', ''])
  })

  it('is told the client’s cookies without ours', async () => {
    const cookie = 'a=1; __Host-gatehouse_app=secret; b=2'
    expect((await ask('/optional', { headers: { cookie } })).headers.cookie).toBe('a=1; b=2')
  })

  it('is believed only where it is trusted, and then about everything or nothing', async () => {
    isTrusted = false
    expect(await statusOf('/public/x')).toBe(403)
    expect(test.log.at(-1)).toMatchObject({ code: 'forbidden', route: '' })
    isTrusted = true
    for (const name of ['x-forwarded-method', 'x-forwarded-host', 'x-forwarded-uri']) {
      expect(await statusOf('/public/x', { headers: { [name]: [] } }), name).toBe(400)
      expect(test.log.at(-1)?.reason).toContain(name)
      expect(await statusOf('/public/x', { headers: { [name]: ['/public/x', '/public/x'] } }), name).toBe(400)
    }
    expect(await statusOf('/public/x', { method: 'get' })).toBe(400)
    expect(await statusOf('/public/x', { host: 'a@b' })).toBe(400)
    // A second spelling, of which the proxy's header and the client's would each be one.
    expect(await statusOf('/admin/x', { headers: { X_Forwarded_Uri: '/public/x' } })).toBe(400)
  })

  it.each(['X-Gatehouse-Subject', 'x_gatehouse_subject', 'X-GATEHOUSE_Roles', 'x.gatehouse.scope'])(
    'is refused for a request that brings identity of its own: %s',
    async (name) => {
      expect(await statusOf('/public/x', { headers: { [name]: 'usr_boss' } })).toBe(400)
    },
  )

  it.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'x_method_override'])(
    'is refused for a request of which a service could take another method: %s',
    async (name) => {
      expect(await statusOf('/orders/7', { token: 'reader', headers: { [name]: 'POST' } })).toBe(400)
    },
  )

  it.each([
    'X-Original-URL',
    'x_rewrite_url',
    'Remote-User',
    'X-Forwarded-User',
    'X.Auth.Request.Email',
    'X-WebAuth-User',
  ])('is refused for a request of which a service could take another path or caller: %s', async (name) => {
    expect(await statusOf('/public/x', { headers: { [name]: '/admin' } })).toBe(400)
  })

  it.each(['Client-Cert', 'client_cert_chain', 'X-SSL-Client-Verify', 'X.SSL.Cert', 'SSL-Client-S-DN'])(
    'is refused for a request by which a service could take a certificate for proven: %s',
    async (name) => {
      expect(await statusOf('/public/x', { headers: { [name]: 'SUCCESS' } })).toBe(400)
      expect(test.log.at(-1)?.reason).toContain('a certificate that nobody has proven')
    },
  )

  it('may say itself which certificate it has seen, by the header that is configured', async () => {
    expect(await statusOf('/public/x', { headers: { 'X-Client-Cert': 'MII' } })).toBe(200)
  })

  it.each(['X-Original-Host', 'X-Original-For', 'X-Auth-Request-Redirect', 'X-Forwarded-Prefix', 'X-Forwarded-Port'])(
    'takes no offence at what honest proxies in front set: %s',
    async (name) => {
      expect(await statusOf('/public/x', { headers: { [name]: '/x' } })).toBe(200)
    },
  )

  it.each([
    '/public/../admin',
    '/public/..%2fadmin',
    '/public//x',
    '/public/%2e%2e/admin',
    '/%61dmin/x',
    '/public/x;y',
    '/public/\\admin',
    '/public/%252e%252e/admin',
    '/public/[x]',
    '/public/x#/admin',
    '/public/x?a=#b',
    'http://auth.test/public/x',
    '//public/x',
    '',
  ])('is refused for a path that it would forward otherwise than it was decided on: %j', async (uri) => {
    expect(await statusOf(uri)).toBe(400)
  })

  it('may ask about escapes in either case', async () => {
    expect(await statusOf('/public/%c3%a9')).toBe(200)
    expect(await statusOf('/public/%C3%A9')).toBe(200)
  })

  it('hears 401 and 403 alone where it is nginx, and what it would have been', async () => {
    const question = { query: '?for=nginx' }
    const answers = [
      ['/orders/7', { ...question }, 401, '401'],
      ['/orders/7', { ...question, token: 'writer' }, 403, '403'],
      ['/nowhere', question, 403, '404'],
      ['/public//x', question, 403, '400'],
      ['/orders/7', { ...question, token: 'refuse-not_ready' }, 403, '503'],
    ] as const
    for (const [uri, asked, status, told] of answers) {
      const answer = await ask(uri, asked)
      expect([answer.status, answer.headers['x-gatehouse-status']], uri).toEqual([status, told])
    }
    expect(await statusOf('/public/x', question)).toBe(200)
    expect(await statusOf('/public/x', { query: '?for=apache' })).toBe(400)
  })
})

it('hears a refusal in a status also over HTTP/2, whatever the request that it asks about is', async () => {
  const front = await startHttp2Front(services, options)
  // A call of gRPC is refused with 200 and its own status, which a proxy would take for a yes.
  const call = { 'content-type': 'application/grpc', 'x-forwarded-method': 'POST', 'x-forwarded-host': issuerHost }
  const statuses = []
  for (const trusted of [true, false]) {
    isTrusted = trusted
    for (const uri of ['/orders/7', '/nowhere', '/public/../admin', '/public/x']) {
      for (const query of ['', '?for=nginx', '?for=apache']) {
        const { status } = await sendHttp2(front.port, `/gateway/check${query}`, { ...call, 'x-forwarded-uri': uri })
        statuses.push(`${trusted} ${uri}${query} ${status}`)
      }
    }
  }
  // One that cannot be read is a question too.
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, '']))
  isTrusted = true
  const unread = await sendHttp2(front.port, '/gateway/check', { ...call, ...many, 'x-forwarded-uri': '/public/x' })
  await front.stop()
  expect(unread.status).toBe(431)
  expect(statuses.filter((one) => one.endsWith(' 200'))).toEqual(['true /public/x 200', 'true /public/x?for=nginx 200'])
})

it.each([
  ['a path beside it', '/gateway/checkx', issuerHost, 404],
  ['any path that no route has', '/', issuerHost, 404],
  ['a method that no route has', '/orders/7', issuerHost, 405],
  ['a host that is nobody’s', '/gateway/checkx', 'gatehouse.internal', 421],
])('hears a status also where it was told to ask at a wrong address: %s', async (_name, path, host, status) => {
  const front = await startHttp2Front(services, options)
  const call = { 'content-type': 'application/grpc', ':method': 'DELETE', ':authority': host }
  const answer = await sendHttp2(front.port, path, { ...call, 'x-forwarded-uri': '/orders/7' })
  await front.stop()
  expect([answer.status, answer.headers['grpc-status']]).toEqual([status, undefined])
})

it('is not a way around the proxy: asked directly, a service without an upstream is not found', async () => {
  expect((await send(test.port, '/orders/7', { token: 'reader' })).status).toBe(404)
})
