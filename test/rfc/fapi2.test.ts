import { checkFapi2 } from '@gatehouse/auth/domain/fapi2'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from './client-keys.ts'
import { claimsOf, issuer, type Members, type Provider, redirectUri, startProvider, web } from './provider.ts'

// FAPI 2.0 Security Profile: what the profile switches on, shown by a client that has it.

const keys = createClientKeys()
const rsaKeys = createClientKeys('RS256')
const prover = createTestProver()
let provider: Provider
beforeAll(async () => {
  const byKey = { authMethod: 'private_key_jwt', secretEitherWay: false, secret: undefined } as const
  const permissions = { ...web.permissions, profile: 'fapi2' } as const
  provider = await startProvider({}, [
    { ...web, ...byKey, id: 'bank', permissions, jwks: keys.jwks },
    { ...web, ...byKey, id: 'rsa', permissions, jwks: rsaKeys.jwks },
  ])
})
afterAll(() => provider.close())

const proof = (path: string): Record<string, string> => ({
  dpop: prover.proof({ htu: issuer + path, iat: provider.clock.now(), nonce: provider.auth.dpop.nonces.current() }),
})
const proven = (claims = {}): Promise<Record<string, string>> => keys.assertion('bank', provider.clock.now(), claims)
const push = async (given: Members = {}, claims = {}, headers: Record<string, string> = {}) =>
  provider.post(
    '/oauth/par',
    { ...provider.parameters({ client_id: undefined, ...given }), ...(await proven(claims)) },
    headers,
  )
const codeFrom = async (request_uri: string | undefined): Promise<string | null> => {
  const query = new URLSearchParams({ client_id: 'bank', request_uri: request_uri ?? '' })
  return (await provider.goOn(await provider.browser.get(`/oauth/authorize?${query}`))).callback.get('code')
}
const newCode = async (given: Members = {}): Promise<string | null> => codeFrom((await push(given)).body.request_uri)
const token = async (form: Members, headers = proof('/oauth/token')) =>
  provider.token({ ...form, ...(await proven()) }, headers)
const exchange = async (code: string | null, headers?: Record<string, string>) =>
  token(
    {
      grant_type: 'authorization_code',
      code: code ?? '',
      redirect_uri: redirectUri,
      code_verifier: provider.pkce.verifier,
    },
    headers,
  )

describe('section 5.3.2.1, the authorization server', () => {
  it('5.3.2.1 there are tokens that are bound to the client’s key, and a code of a minute', async () => {
    const { status, body } = await exchange(await newCode())
    expect([status, body.token_type]).toEqual([200, 'DPoP'])
    expect(claimsOf(body.access_token ?? '').cnf).toEqual({ jkt: prover.jkt })
    const late = await newCode()
    provider.clock.advance(60)
    expect((await exchange(late)).body.error).toBe('invalid_grant')
  })

  it('5.3.2.1 there is no token that is bound to nothing', async () => {
    const code = await newCode()
    expect((await exchange(code, {})).body.error).toBe('invalid_dpop_proof')
    expect((await exchange(code)).status).toBe(200)
  })

  it('5.3.2.1 the audience of assertions is the issuer alone, as one text', async () => {
    for (const aud of [[issuer], `${issuer}/oauth/token`, `${issuer}/oauth/par`, `${issuer}/`])
      expect((await push({}, { aud })).body.error, JSON.stringify(aud)).toBe('invalid_client')
    expect((await push()).status).toBe(201)
  })

  it('5.3.2.1 iat and nbf may be up to ten seconds in the future, and not over a minute', async () => {
    const now = provider.clock.now()
    expect((await push({}, { iat: now + 10, nbf: now + 10 })).status).toBe(201)
    for (const claims of [{ iat: now + 61 }, { nbf: now + 61 }])
      expect((await push({}, claims)).body.error).toBe('invalid_client')
  })

  it('5.3.2.1 refresh tokens do not rotate', async () => {
    const { body } = await exchange(await newCode({ scope: 'openid offline_access orders:read' }))
    const refresh = () => token({ grant_type: 'refresh_token', refresh_token: body.refresh_token })
    for (const _ of [1, 2]) {
      const answer = await refresh()
      expect([answer.status, answer.body.refresh_token ?? body.refresh_token]).toEqual([200, body.refresh_token])
      provider.clock.advance(3600)
    }
    expect(await Promise.all([refresh(), refresh(), refresh()])).toMatchObject([
      { status: 200 },
      { status: 200 },
      { status: 200 },
    ])
  })

  it('5.3.2.1 every answer tells the issuer, and no password is taken', async () => {
    const { body } = await push({ prompt: 'none', scope: 'openid' })
    const query = new URLSearchParams({ client_id: 'bank', request_uri: body.request_uri ?? '' })
    const answer = await provider.newBrowser().get(`/oauth/authorize?${query}`)
    expect(Object.fromEntries(answer.callback)).toMatchObject({ error: 'login_required', iss: issuer })
    expect(answer.status).toBe(303)
    expect((await token({ grant_type: 'password', username: 'alice', password: 'x' })).body.error).toBe(
      'unsupported_grant_type',
    )
  })
})

describe('section 5.3.2.2, the authorization code flow', () => {
  it('5.3.2.2 a request must have been pushed', async () => {
    const answer = await provider.authorize({ client_id: 'bank' })
    expect(answer.callback.get('error')).toBe('invalid_request')
    const request = await keys.sign({ iss: 'bank', aud: issuer, ...provider.parameters({ client_id: 'bank' }) })
    const signed = await provider.browser.get(`/oauth/authorize?client_id=bank&request=${request}`)
    expect(signed.callback.has('code')).toBe(false)
  })

  it('5.3.2.2 a request must have PKCE with S256, a redirect_uri and the response type code', async () => {
    for (const given of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge_method: 'plain' },
      { redirect_uri: undefined },
      { response_type: 'code id_token' },
      { response_type: 'token' },
    ])
      expect((await push(given)).status, JSON.stringify(given)).toBe(400)
  })

  it('5.3.2.2 a request lives for less than ten minutes, and is bound to a key that it was pushed with', async () => {
    const pushed = await push({}, {}, proof('/oauth/par'))
    expect(Number(pushed.body.expires_in)).toBeLessThan(600)
    const stranger = createTestProver()
    const foreign = stranger.proof({
      ...{ htu: `${issuer}/oauth/token`, iat: provider.clock.now() },
      nonce: provider.auth.dpop.nonces.current(),
    })
    const code = await codeFrom(pushed.body.request_uri)
    expect((await exchange(code, { dpop: foreign })).body.error).toBe('invalid_grant')
  })
})

describe('section 5.4, cryptography', () => {
  it('5.4.1 RS256 is no algorithm of the profile, for assertions and for ID tokens', async () => {
    const form = { grant_type: 'client_credentials', ...(await rsaKeys.assertion('rsa', provider.clock.now())) }
    expect((await provider.token(form, proof('/oauth/token'))).body.error).toBe('invalid_client')
    const { body } = await exchange(await newCode())
    expect(decodeProtectedHeader(body.id_token ?? '').alg).toBe('ES256')
  })
})

describe('a configuration that contradicts the profile', () => {
  const good = {
    authMethod: 'private_key_jwt',
    grantTypes: ['authorization_code'],
    metadata: {},
    permissions: { pkceOptional: false, hybrid: false },
  } as const

  it('is refused, and says what it contradicts', () => {
    expect(() => checkFapi2(good)).not.toThrow()
    for (const authMethod of ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const)
      expect(() => checkFapi2({ ...good, authMethod })).toThrow(/fapi2 contradicts/)
    for (const permissions of [
      { pkceOptional: true, hybrid: false },
      { pkceOptional: false, hybrid: true },
    ])
      expect(() => checkFapi2({ ...good, permissions })).toThrow(/fapi2 contradicts insecure/)
    for (const metadata of [
      { require_pushed_authorization_requests: false },
      { dpop_bound_access_tokens: false },
      { id_token_signed_response_alg: 'RS256' },
      { request_object_signing_alg: 'RS256' },
      { token_endpoint_auth_signing_alg: 'RS256' },
      { userinfo_signed_response_alg: 'RS256' },
      { authorization_signed_response_alg: 'RS256' },
      { introspection_signed_response_alg: 'RS256' },
    ] as const)
      expect(() => checkFapi2({ ...good, metadata }), JSON.stringify(metadata)).toThrow(/fapi2 contradicts/)
  })

  it('is fine where a certificate binds the tokens', () => {
    const metadata = { dpop_bound_access_tokens: false, tls_client_certificate_bound_access_tokens: true }
    expect(() => checkFapi2({ ...good, authMethod: 'tls_client_auth', metadata })).not.toThrow()
  })
})
