import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type GuardOptions, GuardRefusal } from './index.ts'
import { type IssuerServer, startIssuerServer } from './testing/issuer-server.ts'
import { createTestSigner, type Members, type TestSigner, testAudience } from './testing/test-issuer.ts'

let server: IssuerServer
let signer: TestSigner
let clock: ManualClock

beforeEach(async () => {
  server = await startIssuerServer()
  signer = createTestSigner()
  server.keys = [signer.jwk]
  clock = new ManualClock()
})
afterEach(() => server.stop())

const guardWith = (options: Partial<GuardOptions> = {}) =>
  createGuard({ issuer: server.issuer, audience: testAudience, clock, ...options })
const token = (claims: Members = {}, header: Members = {}): string =>
  signer.token({ iss: server.issuer, ...claims }, header)
const client = { id: 'service:orders', secret: 's/ecret' }

describe('verify', () => {
  it('tells who is calling and for what', async () => {
    const principal = await guardWith().verify(token({ org: 'acme' }))
    expect(principal).toMatchObject({
      subject: 'usr_AAAAAAAAAAAAAAAAAAAAAA',
      kind: 'user',
      clientId: 'web',
      session: 'session-1',
      grant: 'grant-1',
      org: 'acme',
      acr: 'urn:gatehouse:1',
      amr: ['pwd', 'otp'],
      audience: [testAudience],
    })
    expect(principal.expiresAt - principal.claims.iat).toBe(300)
    expect([principal.scopes.has('orders:read'), principal.roles.has('clerk')]).toEqual([true, true])
  })

  it('knows a client on its own behalf', async () => {
    const principal = await guardWith().verify(
      token({ sub: 'batch', client_id: 'batch', sid: undefined, gid: undefined }),
    )
    expect([principal.kind, principal.subject, 'session' in principal]).toEqual(['client', 'batch', false])
  })

  it('accepts the identity that the gateway signs, and no other type', async () => {
    const guard = guardWith()
    await expect(guard.verify(token({}, { typ: 'gatehouse-identity+jwt' }))).resolves.toBeDefined()
    await expect(guard.verify(token({}, { typ: 'JWT' }))).rejects.toMatchObject({ reason: 'wrong_type', status: 401 })
  })

  it('refuses what is addressed to somebody else', async () => {
    await expect(guardWith().verify(token({ aud: 'https://other' }))).rejects.toMatchObject({
      reason: 'wrong_audience',
    })
    const both = guardWith({ audience: ['https://other', testAudience] })
    await expect(both.verify(token({ aud: 'https://other' }))).resolves.toBeDefined()
  })

  it('hands out sets that are the caller’s own: what one does to them the next does not see', async () => {
    const guard = guardWith()
    const one = token()
    const principal = await guard.verify(one)
    // Code without types can do this.
    const scopes = principal.scopes as Set<string>
    scopes.add('admin')
    expect((await guard.verify(one)).scopes.has('admin')).toBe(false)
  })
})

describe('check and authorize', () => {
  it('no token and another scheme are credentials_required', async () => {
    const guard = guardWith()
    for (const attempt of [
      guard.check(undefined),
      guard.check(''),
      guard.authorize({ authorization: undefined }),
      guard.authorize({ authorization: 'Basic YTpi' }),
    ]) {
      await expect(attempt).rejects.toMatchObject({
        code: 'credentials_required',
        status: 401,
        reason: 'no_credentials',
      })
    }
    expect(server.requests).toEqual([])
  })

  it('two Authorization headers are refused even if both are good', async () => {
    const header = `Bearer ${token()}`
    await expect(guardWith().authorize({ authorization: [header, header] })).rejects.toMatchObject({
      reason: 'malformed',
    })
  })

  it('too little is 403, with the scope that would do', async () => {
    const refused = guardWith().authorize({ authorization: `Bearer ${token()}` }, { scopes: ['orders:read', 'admin'] })
    await expect(refused).rejects.toBeInstanceOf(GuardRefusal)
    await expect(refused).rejects.toMatchObject({ code: 'insufficient_scope', status: 403 })
    await expect(refused).rejects.toMatchObject({ challenge: expect.stringContaining('scope="orders:read admin"') })
    const role = guardWith().check(token(), { roles: ['manager'] })
    await expect(role).rejects.toMatchObject({ code: 'insufficient_scope', reason: 'insufficient_role' })
    const own = guardWith().check(token({ sub: 'web' }), { signedIn: true })
    await expect(own).rejects.toMatchObject({ status: 403, reason: 'not_signed_in' })
  })

  it('enough is enough', async () => {
    const all = { scopes: ['orders:read'], roles: ['clerk'], signedIn: true }
    await expect(guardWith().authorize({ authorization: `bearer ${token()}` }, all)).resolves.toBeDefined()
  })

  it('a requirement with an unknown key refuses everybody', async () => {
    // Code without types can write this.
    const typo = { scope: ['admin'] } as object
    await expect(guardWith().check(token(), typo)).rejects.toThrow('unknown key "scope"')
  })
})

describe('revocation', () => {
  it('without a client, a token of an ended session stays good until it expires: the documented gap', async () => {
    const guard = guardWith()
    server.introspect = () => ({ active: false })
    const one = token()
    await expect(guard.verify(one)).resolves.toBeDefined()
    clock.advance(300)
    await expect(guard.verify(one)).rejects.toMatchObject({ reason: 'expired' })
    expect(server.count('/introspect')).toBe(0)
  })

  it('with introspect, it counts within 5 s, at one question per token and 5 s', async () => {
    const guard = guardWith({ client, revocations: 'introspect' })
    const one = token()
    await Promise.all(Array.from({ length: 20 }, () => guard.verify(one)))
    expect(server.count('/introspect')).toBe(1)
    server.introspect = () => ({ active: false })
    clock.advance(4)
    await expect(guard.verify(one)).resolves.toBeDefined()
    clock.advance(1)
    await expect(guard.verify(one)).rejects.toMatchObject({ code: 'invalid_token', reason: 'not_active' })
    expect(server.count('/introspect')).toBe(2)
  })

  it('with introspect, an identity of the gateway is not asked about', async () => {
    server.introspect = () => ({ active: false })
    const guard = guardWith({ client, revocations: 'introspect' })
    await expect(guard.verify(token({}, { typ: 'gatehouse-identity+jwt' }))).resolves.toBeDefined()
  })

  it('with introspect, no answer is 503 and never a yes', async () => {
    const guard = guardWith({ client, revocations: 'introspect' })
    for (const answer of [{}, { active: 'true' }, { active: 1 }, [], null]) {
      clock.advance(10)
      server.introspect = () => answer
      await expect(guard.verify(token())).rejects.toMatchObject({ status: 503, reason: 'introspection_unavailable' })
    }
    server.introspect = () => ({ active: true })
    await expect(
      guardWith({ client: { id: 'x', secret: 'y' }, revocations: 'introspect' }).verify(token()),
    ).rejects.toMatchObject({
      status: 503,
      reason: 'client_refused',
    })
    server.metadata = { introspection_endpoint: undefined }
    await expect(guardWith({ client, revocations: 'introspect' }).verify(token())).rejects.toMatchObject({
      status: 503,
    })
  })

  it('with introspect, an issuer that has no time is asked once, for as long as it says, and its metadata is kept', async () => {
    const guard = guardWith({ client, revocations: 'introspect' })
    await guard.verify(token())
    const metadata = () => server.requests.filter((request) => request.includes('well-known')).length
    const asked = [server.count('/introspect'), metadata()]
    server.instead = (_request, response) => response.writeHead(503, { 'retry-after': '8' }).end()
    const tokens = Array.from({ length: 50 }, () => token())
    const fail = async (many: readonly string[]) => {
      for (const one of many) {
        await expect(guard.verify(one)).rejects.toMatchObject({ status: 503, reason: 'introspection_unavailable' })
      }
    }
    await fail(tokens)
    clock.advance(7)
    await fail(tokens)
    expect(server.count('/introspect')).toBe((asked[0] ?? 0) + 1)
    clock.advance(6)
    await fail(tokens)
    expect(server.count('/introspect')).toBe((asked[0] ?? 0) + 2)
    server.instead = undefined
    clock.advance(13)
    await Promise.all(tokens.map((one) => guard.verify(one).catch(() => undefined)))
    await Promise.all(tokens.map((one) => expect(guard.verify(one)).resolves.toBeDefined()))
    expect(metadata()).toBe(asked[1])
  })

  it('with introspect, an issuer that nobody reaches is asked again after half a second, then more seldom', async () => {
    const guard = guardWith({ client, revocations: 'introspect' })
    await guard.verify(token())
    const before = server.count('/introspect')
    server.instead = (request) => request.socket.destroy()
    for (let second = 0; second < 60; second += 1) {
      await Promise.all(Array.from({ length: 5 }, () => expect(guard.verify(token())).rejects.toBeDefined()))
      clock.advance(1)
    }
    // Five at first, since none had failed before; then one each five to eight seconds.
    const wellKnown = server.requests.filter((request) => request.includes('well-known')).length
    expect(server.count('/introspect') - before + wellKnown).toBeLessThan(30)
    server.instead = undefined
    clock.advance(10)
    await expect(guard.verify(token())).resolves.toBeDefined()
  })

  it('an opaque token is told from a spoiled one, for whoever runs the service', async () => {
    await expect(guardWith().verify('gha_k.AAAA')).rejects.toMatchObject({
      code: 'invalid_token',
      reason: 'opaque_token',
      cause: { message: expect.stringContaining('through the gateway') },
    })
  })

  it('with introspect, a bad token is refused without a question', async () => {
    const guard = guardWith({ client, revocations: 'introspect' })
    await expect(guard.verify(`${token()}A`)).rejects.toMatchObject({ status: 401 })
    expect(server.count('/introspect')).toBe(0)
  })
})
