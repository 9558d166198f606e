import type { SupposeTwoFactors, VerifiedToken } from '@gatehouse/core/contracts'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from './fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from './fixtures/gateway-server.ts'
import { buildToken } from './fixtures/tokens.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'
import type { RouteDefinition } from './routes.ts'

const now = new ManualClock().now()
const signedIn = (ago: number, acr?: string, more = {}) =>
  buildToken({ auth_time: seconds(now - ago), ...(acr === undefined ? {} : { acr }), ...more })
const tokens = new Map([
  ['password', signedIn(10, 'urn:one')],
  ['key', signedIn(10, 'urn:two')],
  ['key-long-ago', signedIn(301, 'urn:two')],
  ['key-just-in-time', signedIn(300, 'urn:two')],
  ['no-class', signedIn(10)],
  ['no-time', buildToken({ acr: 'urn:two' })],
  ['client', buildToken({ sub: 'robot', acr: 'urn:two', auth_time: seconds(now) })],
  ['reader', signedIn(999, 'urn:one', { scopes: ['read'] })],
])

let upstream: TestUpstream
let test: TestGateway
beforeAll(async () => {
  upstream = await startUpstream()
  const routes: RouteDefinition[] = [
    { path: '/class', require: { acr: ['urn:two', 'urn:three'] } },
    { path: '/recent', require: { maxAge: 300 } },
    { path: '/both', require: { acr: ['urn:two'], maxAge: 300, scopes: ['read'] } },
    { path: '/now', require: { maxAge: 0 } },
  ]
  test = await startGateway([{ name: 's', audience: 'https://auth.test/s', upstream: [upstream.origin], routes }], {
    dependencies: { verify: (token) => tokens.get(token) ?? { refused: 'malformed' } },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})

describe('a route that asks for a sign-in', () => {
  it.each([
    ['/class', 'password', 401],
    ['/class', 'key', 200],
    ['/class', 'key-long-ago', 200],
    ['/class', 'no-class', 401],
    ['/class', 'client', 403],
    ['/recent', 'password', 200],
    ['/recent', 'key-just-in-time', 200],
    ['/recent', 'key-long-ago', 401],
    ['/recent', 'no-time', 401],
    ['/recent', 'client', 403],
    ['/both', 'reader', 401],
    ['/both', 'key', 403],
    ['/now', 'password', 401],
  ])('%s with the token %s: %i', async (path, token, status) => {
    expect((await send(test.port, path, { token })).status).toBe(status)
  })

  it('says which one would do, and where to learn of the resource', async () => {
    const answer = await send(test.port, '/both', { token: 'reader' })
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer realm="auth.test", error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required", acr_values="urn:two", max_age="300", resource_metadata="https://auth.test/.well-known/oauth-protected-resource/s"',
    )
    expect(JSON.parse(answer.body).error).toBe('insufficient_user_authentication')
    expect(test.log.at(-1)).toMatchObject({
      reason: 'the sign-in is of the class "urn:one"',
      needed:
        'a valid token with all of the scopes read and a sign-in of any of the classes urn:two and a sign-in at most 300 s ago',
    })
    const byClass = await send(test.port, '/class', { token: 'password' })
    expect(byClass.headers['www-authenticate']).toContain('acr_values="urn:two urn:three", resource_metadata=')
  })
})

describe('a role that a second factor would bring', () => {
  const byFactor = (acr: string): VerifiedToken => {
    const token = buildToken({ acr, roles: ['clerk', 'boss'] })
    return { ...token, roles: new Set(['clerk', 'boss']) }
  }
  const weak = buildToken({ acr: '1', roles: ['clerk'] })
  const start = (supposeTwoFactors: SupposeTwoFactors) =>
    startGateway(
      [
        {
          ...{ name: 's', audience: 'https://auth.test/s', upstream: [upstream.origin] },
          routes: [
            { path: '/boss', require: { roles: ['boss'] } },
            { path: '/boss-by-key', require: { roles: ['boss'], acr: ['urn:two'] } },
          ],
        },
      ],
      { dependencies: { verify: () => weak, supposeTwoFactors } },
    )

  it('is said to be missing for want of the factor, and the log says which', async () => {
    const { port, log, stop } = await start(async () => byFactor('2'))
    const { status, headers } = await send(port, '/boss', { token: 'weak' })
    expect([status, headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('error="insufficient_user_authentication"'),
    ])
    expect(log.at(-1)).toMatchObject({
      rule: 'require.roles',
      reason: 'the sign-in is of the class "1"; of "2" it would bring the role boss',
    })
    await stop()
  })

  it.each<[string, string, SupposeTwoFactors]>([
    ['it would not be enough', '/boss-by-key', async () => byFactor('2')],
    ['it would bring nothing', '/boss', async () => undefined],
    ['nobody can say', '/boss', () => Promise.reject(new Error('the store is away'))],
  ])('is a plain no where %s', async (_name, path, suppose) => {
    const { port, log, stop } = await start(suppose)
    expect((await send(port, path, { token: 'weak' })).status).toBe(403)
    expect(log.at(-1)).toMatchObject({ code: 'insufficient_scope', rule: 'require.roles' })
    await stop()
  })
})

describe('a rule that cannot be meant is refused at load', () => {
  it.each([
    [{ acr: [] }, 'empty list'],
    [{ acr: ['a b'] }, 'no class'],
    [{ acr: [''] }, 'no class'],
    [{ maxAge: -1 }, 'whole number'],
    [{ maxAge: 1.5 }, 'whole number'],
    [{}, 'names neither'],
  ])('%j', (require, message) => {
    const service = { name: 's', audience: 's', upstream: ['http://a'], routes: [{ path: '/a', require }] }
    expect(() => tableFor([service])).toThrow(message)
  })
})

describe('the metadata of a service', () => {
  const metadataOf = (audience: string, host?: string) =>
    tableFor([
      {
        name: 's',
        audience,
        upstream: ['http://a'],
        routes: [{ path: '/a', require: 'token' }],
        ...(host && { host }),
      },
      {
        name: 't',
        audience: 't',
        upstream: ['http://a'],
        host: 'shop.test',
        routes: [{ path: '/**', require: 'token' }],
      },
    ]).services[0]?.resourceMetadata

  it.each([
    ['https://auth.test/s', undefined, 'https://auth.test/.well-known/oauth-protected-resource/s'],
    ['https://api.test', 'api.test', 'https://api.test/.well-known/oauth-protected-resource'],
    ['https://shop.test/s', undefined, 'https://shop.test/.well-known/oauth-protected-resource/s'],
    ['https://elsewhere.test/s', undefined, undefined],
    ['orders', undefined, undefined],
  ])('with the audience %s on %s are at %s', (audience, host, url) => {
    expect(metadataOf(audience, host)).toBe(url)
  })

  it('name the scopes of all its routes', () => {
    const routes: RouteDefinition[] = [
      { path: '/a', require: { scopes: ['write', 'read'] } },
      { path: '/b', require: { scopes: ['read'] } },
      { path: '/c', require: 'token' },
    ]
    expect(tableFor([{ name: 's', audience: 's', upstream: ['http://a'], routes }]).services[0]?.scopes).toEqual([
      'read',
      'write',
    ])
  })
})
