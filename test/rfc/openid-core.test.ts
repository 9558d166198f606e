import { createHash } from 'node:crypto'
import { addUser } from '@gatehouse/auth/domain/users'
import type { ClientId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, claimsOf, issuer, type Provider, startProvider, web } from './provider.ts'

// OpenID Connect Core, where the tests beside protocol/ leave something to be shown.

const password = 'another good password'
let provider: Provider
beforeAll(async () => {
  const pairwise = { ...web.metadata, subject_type: 'pairwise' } as const
  const hybrid = { ...web.permissions, hybrid: true } as const
  provider = await startProvider({}, [
    { ...web, id: 'pairwise', metadata: pairwise },
    { ...web, id: 'sector-a', metadata: { ...pairwise, sector_identifier_uri: 'https://sector.example/list' } },
    { ...web, id: 'sector-b', metadata: { ...pairwise, sector_identifier_uri: 'https://sector.example/list' } },
    { ...web, id: 'aged', metadata: { ...web.metadata, default_max_age: 60, require_auth_time: true } },
    { ...web, id: 'hybrid', permissions: hybrid },
    { ...web, id: 'signed', metadata: { ...web.metadata, userinfo_signed_response_alg: 'ES256' } },
    { ...web, id: 'edwards', metadata: { ...web.metadata, id_token_signed_response_alg: 'EdDSA' } },
    { ...web, id: 'asking', permissions: { ...hybrid, hybrid: false, skipConsent: false } },
  ])
  await addUser(
    { ...provider, passwords: provider.auth.passwords, revocations: provider.auth.revocations },
    { username: 'bob', password, scopes: ['orders:read'], roles: [], minimumPasswordLength: 15 },
    { actor: 'test' },
  )
})
afterAll(() => provider.close())

const tokensOf = async (client_id: string, given = {}): Promise<Record<string, string>> => {
  const answer = await provider.authorize({ client_id, ...given })
  return (await provider.exchange(answer.callback.get('code'), {}, basic(client_id, 'web-secret'))).body
}
const keySet = async () =>
  createLocalJWKSet((await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as { keys: object[] })
const half = (hash: string, text: string): string => {
  const digest = createHash(hash).update(text).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
const silently = (given: Record<string, string | undefined>) =>
  provider.browser.get(provider.authorizePath({ prompt: 'none', ...given }))

describe('section 2, the ID token', () => {
  it('2 an ID token has the required claims, is for the client alone, and is over soon', async () => {
    const { id_token = '' } = await provider.tokens()
    const { payload } = await jwtVerify(id_token, await keySet(), {
      issuer,
      audience: 'web',
      currentDate: new Date(provider.clock.now() * 1000),
    })
    expect(payload).toMatchObject({ nonce: 'nonce-1', auth_time: expect.any(Number), acr: '1', amr: ['pwd'] })
    expect(payload.aud).toBe('web')
    expect(payload.azp).toBeUndefined()
    expect(Number(payload.exp) - Number(payload.iat)).toBeLessThanOrEqual(600)
    expect(String(payload.sub)).toMatch(/^[\x21-\x7e]{1,255}$/)
  })

  it('2 and 15.1: an ID token is signed with RS256 unless the client is registered for another algorithm, and never with none', async () => {
    const header = decodeProtectedHeader((await provider.tokens()).id_token ?? '')
    expect(header).toMatchObject({ alg: 'RS256', typ: 'JWT' })
    expect(decodeProtectedHeader((await tokensOf('edwards')).id_token ?? '').alg).toBe('EdDSA')
    expect((await provider.metadata()).id_token_signing_alg_values_supported).not.toContain('none')
  })

  it('3.1.3.6 at_hash binds the access token', async () => {
    const { id_token = '', access_token = '' } = await provider.tokens()
    expect(claimsOf(id_token).at_hash).toBe(half('sha256', access_token))
    const edwards = await tokensOf('edwards')
    expect(claimsOf(edwards.id_token ?? '').at_hash).toBe(half('sha512', edwards.access_token ?? ''))
  })

  it('3.1.3.3 without the scope openid there is no ID token', async () => {
    expect((await provider.tokens({ scope: 'orders:read' })).id_token).toBeUndefined()
  })
})

describe('section 3.1.2.1, the authentication request', () => {
  it('3.1.2.1 the request goes by POST as well as by GET', async () => {
    const page = await provider.newBrowser().post('/oauth/authorize', provider.parameters())
    expect(page.has('password')).toBe(true)
  })

  it('3.1.2.1 prompt=none shows nothing, whatever is missing', async () => {
    const nobody = await provider.newBrowser().get(provider.authorizePath({ prompt: 'none' }))
    expect(nobody.callback.get('error')).toBe('login_required')
    await provider.authorize()
    expect((await silently({ client_id: 'asking' })).callback.get('error')).toBe('consent_required')
    provider.clock.advance(5)
    expect((await silently({ max_age: '1' })).callback.get('error')).toBe('login_required')
    for (const prompt of ['none login', 'none consent', 'login none', 'none none'])
      expect((await silently({ prompt })).callback.get('error'), prompt).toBe('invalid_request')
  })

  it('3.1.2.1 login_hint is filled in and is no more than that', async () => {
    const page = await provider.newBrowser().get(provider.authorizePath({ login_hint: '"><b>alice' }))
    expect(page.form.fields.username).toBe('"><b>alice')
    expect(page.text).not.toContain('<b>alice')
  })

  it('3.1.2.1 ui_locales, display and acr_values that nobody knows are no error', async () => {
    const given = { ui_locales: 'fr-CA xx', display: 'wap', acr_values: 'urn:none', claims_locales: 'de' }
    expect((await provider.authorize(given)).callback.get('code')).toMatch(/^ghc_/)
  })

  it('3.1.2.1 max_age, also 0 and the registered default, leads to a new sign-in and to its time', async () => {
    for (const [client_id, given, later] of [
      ['web', { max_age: '60' }, 61],
      ['aged', {}, 61],
      ['web', { max_age: '0' }, 0],
    ] as const) {
      await provider.authorize()
      provider.clock.advance(later)
      const page = await provider.browser.get(provider.authorizePath({ client_id, ...given }))
      expect(page.has('password'), JSON.stringify(given)).toBe(true)
      const answer = await provider.goOn(page)
      const { body } = await provider.exchange(answer.callback.get('code'), {}, basic(client_id, 'web-secret'))
      expect(claimsOf(body.id_token ?? '').auth_time).toBe(provider.clock.now())
    }
  })
})

describe('section 3.1.2.2, the hint of an ID token', () => {
  it('3.1.2.2 a hint of the user who is signed in will do, also when it has expired', async () => {
    const { id_token } = await provider.tokens()
    provider.clock.advance(1000)
    expect((await silently({ id_token_hint: id_token })).callback.get('code')).toMatch(/^ghc_/)
  })

  it('3.1.2.2 a hint of another user is login_required where nobody may be asked, and a sign-in where one may', async () => {
    const bobs = provider.newBrowser()
    const page = await bobs.get(provider.authorizePath())
    const answer = await bobs.signIn(page, 'bob', password)
    const { id_token } = (await provider.exchange(answer.callback.get('code'))).body
    await provider.authorize()
    expect((await silently({ id_token_hint: id_token })).callback.get('error')).toBe('login_required')
    const asked = await provider.browser.get(provider.authorizePath({ id_token_hint: id_token }))
    expect(asked.has('password')).toBe(true)
    // Alice signs in, who is not the one that was hinted at.
    expect((await provider.goOn(asked)).callback.get('error')).toBe('login_required')
  })

  it('3.1.2.2 a hint that is another client’s, or no ID token, is invalid_request', async () => {
    const { access_token } = await provider.tokens()
    const foreign = (await tokensOf('aged')).id_token
    // Signed by us and for this client, and of another kind all the same.
    const claims = { sub: 'usr_x', client_id: 'web' as ClientId, aud: 'web', scope: '' }
    const { token } = provider.auth.accessTokens.issue(claims, seconds(60))
    for (const id_token_hint of [access_token, foreign, token, 'x', `${foreign}x`])
      expect((await silently({ id_token_hint })).callback.get('error')).toBe('invalid_request')
  })
})

describe('section 3.3, the hybrid flow', () => {
  it('3.3 the hybrid flow is closed unless it is switched on for a client', async () => {
    const answer = await provider.authorize({ response_type: 'code id_token' })
    expect(answer.callback.get('error')).toBe('unsupported_response_type')
  })

  it('3.3.2 the hybrid flow gives an ID token with c_hash in the fragment, and asks for a nonce', async () => {
    const given = { client_id: 'hybrid', response_type: 'code id_token' }
    const answer = await provider.authorize(given)
    expect(answer.headers.get('location')).toMatch(/^https:\/\/app\.example\.com\/cb#/)
    const claims = claimsOf(answer.callback.get('id_token') ?? '')
    const code = answer.callback.get('code') ?? ''
    expect(claims).toMatchObject({ c_hash: half('sha256', code), s_hash: half('sha256', 'state-1'), nonce: 'nonce-1' })
    expect(answer.callback.has('access_token')).toBe(false)
    const { body } = await provider.exchange(code, {}, basic('hybrid', 'web-secret'))
    expect(claimsOf(body.id_token ?? '').sub).toBe(claims.sub)
    expect((await provider.authorize({ ...given, nonce: undefined })).callback.get('error')).toBe('invalid_request')
    const inQuery = await provider.authorize({ ...given, response_mode: 'query' })
    expect(inQuery.callback.has('id_token')).toBe(false)
    expect(inQuery.callback.get('error')).toBe('invalid_request')
  })
})

describe('section 5, claims', () => {
  it('5.3.2 userinfo has the subject of the ID token, signed where the client is registered so', async () => {
    const { access_token = '', id_token = '' } = await tokensOf('signed')
    const answer = await provider.userinfo(access_token)
    expect(answer.headers.get('content-type')).toBe('application/jwt')
    const { payload } = await jwtVerify(answer.body.text ?? '', await keySet(), { issuer, audience: 'signed' })
    expect(payload.sub).toBe(claimsOf(id_token).sub)
  })

  it('5.4 a scope brings its claims to userinfo and not to the ID token', async () => {
    const { access_token = '', id_token = '' } = await provider.tokens({ scope: 'openid profile' })
    expect((await provider.userinfo(access_token)).body.preferred_username).toBe('alice')
    expect(claimsOf(id_token)).not.toHaveProperty('preferred_username')
  })

  it('5.5 the claims parameter brings single claims to the place that it names', async () => {
    const claims = JSON.stringify({
      userinfo: { preferred_username: { essential: true }, email: null },
      id_token: { preferred_username: null, sub: null, iss: { value: 'https://evil.test' } },
    })
    const { access_token = '', id_token = '' } = await provider.tokens({ claims })
    expect((await provider.userinfo(access_token)).body).toMatchObject({ preferred_username: 'alice' })
    expect(claimsOf(id_token)).toMatchObject({ preferred_username: 'alice', iss: issuer })
  })

  it('5.5 roles come by their scope alone', async () => {
    const claims = JSON.stringify({ userinfo: { roles: { essential: true } }, id_token: { roles: null } })
    const { access_token = '', id_token = '' } = await provider.tokens({ claims })
    expect((await provider.userinfo(access_token)).body).not.toHaveProperty('roles')
    expect(claimsOf(id_token)).not.toHaveProperty('roles')
  })

  it('5.5.1 a subject that is asked for by value is that one, or nobody', async () => {
    const { id_token = '' } = await provider.tokens()
    const sub = (value: unknown): string => JSON.stringify({ id_token: { sub: { value } } })
    expect((await silently({ claims: sub(claimsOf(id_token).sub) })).callback.has('code')).toBe(true)
    expect((await silently({ claims: sub('usr_other') })).callback.get('error')).toBe('login_required')
    const asked = await provider.browser.get(provider.authorizePath({ claims: sub('usr_other') }))
    expect((await provider.goOn(asked)).callback.get('error')).toBe('login_required')
  })

  it.each([
    '[]',
    'null',
    '7',
    '{"id_token":[]}',
    '{"id_token":{"sub":7}}',
    '{"id_token":{"acr":{"values":"1"}}}',
    `${'{"a":'.repeat(30)}1${'}'.repeat(30)}`,
    '{"__proto__":{}}',
    '{"id_token":{},"id_token":{}}',
  ])('5.5 claims of another form are invalid_request: %s', async (claims) => {
    expect((await provider.authorize({ claims })).callback.get('error')).toBe('invalid_request')
  })
})

describe('section 8, subjects', () => {
  it('8.1 pairwise subjects are the same each time, differ between sectors and are alike within one', async () => {
    const subOf = async (client_id: string): Promise<unknown> =>
      claimsOf((await tokensOf(client_id)).id_token ?? '').sub
    const [first, again, publicSub] = [await subOf('pairwise'), await subOf('pairwise'), await subOf('web')]
    expect(again).toBe(first)
    expect(first).not.toBe(publicSub)
    const [a, b] = [await subOf('sector-a'), await subOf('sector-b')]
    expect(a).toBe(b)
    expect(a).not.toBe(first)
  })
})

describe('sections 9 to 12', () => {
  it('10.1 every published key has its own id, use and algorithm, and nothing private', async () => {
    const { keys } = (await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as {
      keys: Record<string, unknown>[]
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
    for (const key of keys) {
      expect(key).toMatchObject({ use: 'sig', alg: expect.any(String), kid: expect.any(String) })
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth']) expect(key).not.toHaveProperty(name)
    }
  })

  it('10.1.1 the key that takes over has been published before, and the old one stays for its tokens', async () => {
    const before = (await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
    const { id_token = '', access_token = '' } = await provider.tokens()
    provider.clock.advance(86_400)
    const [rotated] = await provider.auth.keys.rotate()
    provider.clock.advance(Math.max(0, Number(rotated?.signs_from ?? 0) - provider.clock.now()) + 1)
    const next = await provider.tokens({ prompt: 'login' })
    const known = before.keys.map(({ kid }) => kid)
    expect(decodeProtectedHeader(next.access_token ?? '').kid).not.toBe(decodeProtectedHeader(access_token).kid)
    expect(known).toContain(decodeProtectedHeader(next.access_token ?? '').kid)
    const currentDate = new Date((claimsOf(id_token).iat as number) * 1000) // a number: a claim of ours
    expect((await jwtVerify(id_token, await keySet(), { currentDate })).payload.iss).toBe(issuer)
  })

  it('11 a refresh token needs offline_access in an OpenID request, and the grant type', async () => {
    expect((await provider.tokens({ scope: 'openid orders:read' })).refresh_token).toBeUndefined()
    expect((await provider.tokens({ scope: 'openid offline_access' })).refresh_token).toMatch(/^ghr_/)
    expect((await provider.tokens({ scope: 'orders:read' })).refresh_token).toMatch(/^ghr_/)
  })

  it('12.2 a refreshed ID token is of the same sign-in, for the same client', async () => {
    const first = await provider.tokens({ scope: 'openid offline_access' })
    provider.clock.advance(30)
    const { body } = await provider.token({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
    const [before, after] = [claimsOf(first.id_token ?? ''), claimsOf(body.id_token ?? '')]
    for (const name of ['iss', 'sub', 'aud', 'auth_time', 'sid']) expect(after[name], name).toEqual(before[name])
    expect(after.iat).toBe(Number(before.iat) + 30)
    expect([undefined, before.nonce]).toContain(after.nonce)
    expect(after.at_hash).toBe(half('sha256', body.access_token ?? ''))
  })

  it('16.11 what ends the session ends what is at userinfo', async () => {
    const { access_token = '', id_token } = await provider.tokens()
    expect((await provider.userinfo(access_token)).status).toBe(200)
    await provider.browser.get(`/oauth/logout?id_token_hint=${id_token}`)
    expect((await provider.userinfo(access_token)).status).toBe(401)
  })

  it('6 a request or request_uri is never passed over', async () => {
    for (const given of [{ request: 'x' }, { request_uri: 'https://app.example.com/r' }]) {
      const answer = await provider.authorize(given)
      expect(answer.callback.has('code'), JSON.stringify(given)).toBe(false)
    }
  })
})
