import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from './fixtures/client.ts'
import { startGateway, type TestGateway } from './fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'

let upstream: TestUpstream
let test: TestGateway

beforeAll(async () => {
  upstream = await startUpstream()
  const routes = [
    { path: '/public', require: 'nothing' },
    { path: '/optional', require: 'optional' },
    { path: '/token', require: 'token' },
    { path: '/user', require: 'signed-in' },
    { path: '/orders/**', methods: ['GET'], require: { scopes: ['orders:read'] } },
    { path: '/orders/**', methods: ['POST'], require: { scopes: ['orders:write'], roles: ['clerk', 'boss'] } },
    { path: '/both', require: { scopes: ['orders:read', 'profile'] } },
    { path: '/boss', require: { roles: ['boss'] } },
  ] as const
  test = await startGateway([{ name: 'orders', audience: 'https://orders.test', upstream: [upstream.origin], routes }])
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})

const tableOfAccess: [path: string, token: string | undefined, status: number, method?: string][] = [
  ['/public', undefined, 200],
  ['/public', 'rubbish', 200],
  ['/optional', undefined, 200],
  ['/optional', 'user', 200],
  ['/optional', 'rubbish', 401],
  ['/token', undefined, 401],
  ['/token', 'machine', 200],
  ['/token', 'user', 200],
  ['/token', 'for-orders', 200],
  ['/token', 'for-others', 401],
  ['/token', 'bound', 401],
  ['/token', 'refuse-expired', 401],
  ['/token', 'refuse-revoked', 401],
  ['/token', 'refuse-not_ready', 503],
  ['/user', 'user', 200],
  ['/user', 'machine', 403],
  ['/user', undefined, 401],
  ['/orders', 'reader', 200],
  ['/orders/7', 'reader', 200],
  ['/orders/7', 'reader', 200, 'HEAD'],
  ['/orders/7', 'writer', 403],
  ['/orders/7', 'clerk', 200, 'POST'],
  ['/orders/7', 'writer', 403, 'POST'],
  ['/orders/7', 'reader', 403, 'POST'],
  ['/orders/7', 'clerk', 405, 'DELETE'],
  ['/orders/7', undefined, 405, 'OPTIONS'],
  ['/public', undefined, 405, 'TRACE'],
  ['/both', 'reader', 200],
  ['/both', 'machine', 403],
  ['/boss', 'clerk', 403],
  ['/nowhere', 'user', 404],
  ['/', undefined, 404],
]

describe('who may do what', () => {
  it.each(tableOfAccess)('%s with the token %s: %i %s', async (path, token, status, method = 'GET') => {
    const before = upstream.received.length
    const answer = await send(test.port, path, { method, ...(token === undefined ? {} : { token }) })
    expect(answer.status).toBe(status)
    expect(upstream.received.length - before).toBe(status === 200 ? 1 : 0)
  })
})

describe('a refusal', () => {
  it('shows strangers the standard error and an id, and the log the rule, what was there and what was needed', async () => {
    const answer = await send(test.port, '/orders/7?secret=1', { token: 'writer' })
    const body = JSON.parse(answer.body)
    expect(Object.keys(body)).toEqual(['error', 'error_description', 'decision_id'])
    expect(body.error).toBe('insufficient_scope')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer realm="auth.test", error="insufficient_scope", error_description="The access token lacks a required scope or role", scope="orders:read"',
    )
    const entries = test.log.filter((entry) => entry.decision_id === body.decision_id)
    expect(entries).toHaveLength(1)
    expect(entries[0]).toMatchObject({
      route: 'orders /orders/**',
      path: '/orders/7',
      host: 'auth.test',
      address: '127.0.0.1',
      status: 403,
      reason: 'the token has the scope "orders:write" and lacks orders:read',
      needed: 'a valid token with all of the scopes orders:read',
    })
    expect(JSON.stringify(entries[0])).not.toContain('secret')
  })

  it('challenges without an error where nothing was presented, with one where the token is bad', async () => {
    const missing = await send(test.port, '/token')
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="auth.test"')
    expect(JSON.parse(missing.body).error).toBe('credentials_required')
    const basic = await send(test.port, '/token', { headers: { authorization: 'Basic dXNlcjpwdw==' } })
    expect(basic.status).toBe(401)
    expect(basic.headers['www-authenticate']).toBe('Bearer realm="auth.test"')
    const bad = await send(test.port, '/token', { token: 'refuse-bad_signature' })
    expect(bad.headers['www-authenticate']).toMatch(
      /^Bearer realm="auth.test", error="invalid_token", error_description="/,
    )
    expect(bad.body).not.toContain('signature')
    expect(test.log.at(-1)?.reason).toContain('bad_signature')
  })

  it('names the allowed methods', async () => {
    const answer = await send(test.port, '/orders/7', { method: 'DELETE', token: 'clerk' })
    expect(answer.headers.allow).toBe('GET, POST, HEAD')
    expect(JSON.parse(answer.body).error).toBe('method_not_allowed')
  })

  it('answers 421 for a host that nobody named', async () => {
    expect((await send(test.port, '/public', { headers: { host: 'evil.test' } })).status).toBe(421)
    expect((await send(test.port, '/public', { headers: { host: 'AUTH.test:80' } })).status).toBe(200)
  })

  it('is counted once, as is a request that was let through', async () => {
    test.decisions.length = 0
    test.answers.length = 0
    await send(test.port, '/token')
    await send(test.port, '/token', { token: 'user' })
    expect(test.decisions).toEqual([
      { route: 'orders /token', outcome: 'credentials_required' },
      { route: 'orders /token', outcome: 'allowed' },
    ])
    await expect.poll(() => test.answers.map(({ status }) => status)).toEqual([401, 200])
  })
})

describe('credentials', () => {
  it.each([
    ['two Authorization headers', '/token', ['Bearer user', 'Bearer user']],
    ['a header and a query parameter', '/token?access_token=user', ['Bearer user']],
    ['a query parameter alone', '/token?a=1&access_token=user', []],
    ['an escaped query parameter', '/token?access%5Ftoken=user', []],
    ['a query parameter on an optional route', '/optional?access_token=user', []],
  ])('refuses %s as malformed', async (_what, path, authorization) => {
    const answer = await send(test.port, path, { headers: { authorization } })
    expect(answer.status).toBe(400)
    expect(answer.headers['www-authenticate']).toContain('error="invalid_request"')
  })

  it.each(['bearer user', 'BEARER  user'])('takes the scheme in any case: %s', async (authorization) => {
    expect((await send(test.port, '/token', { headers: { authorization } })).status).toBe(200)
  })

  it.each(['Bearer', 'Bearer ', 'Bearer user x', 'Bearer user,user', 'Beareruser', 'DPoP user'])(
    'takes nothing else for a token: %j',
    async (authorization) => {
      expect((await send(test.port, '/token', { headers: { authorization } })).status).toBe(401)
      expect((await send(test.port, '/optional', { headers: { authorization } })).status).toBe(401)
    },
  )

  it('limits failed signatures by address, and nothing else', async () => {
    const counted: string[] = []
    const limited = await startGateway(
      [{ name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'token' }] }],
      { dependencies: { allowFailure: (address) => counted.push(address) < 3 } },
    )
    const ask = async (token: string) => (await send(limited.port, '/', { token })).status
    expect(await ask('refuse-bad_signature')).toBe(401)
    expect(await ask('refuse-expired')).toBe(401)
    expect(await ask('refuse-bad_signature')).toBe(401)
    expect(await ask('refuse-bad_signature')).toBe(429)
    expect(await ask('user')).toBe(200)
    expect(counted).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    await limited.stop()
  })

  it('answers 500 and forwards nothing when a dependency throws', async () => {
    const before = upstream.received.length
    const broken = await startGateway(
      [{ name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'optional' }] }],
      {
        dependencies: {
          verify: () => {
            throw new Error('the store is gone')
          },
        },
      },
    )
    const answer = await send(broken.port, '/', { token: 'user' })
    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('store')
    expect(broken.log[0]?.reason).toContain('the store is gone')
    expect(upstream.received.length).toBe(before)
    await broken.stop()
  })
})
