import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Provider, redirectUri, startProvider } from './provider.ts'

// Registration over the whole life of a client; each rule is tested in protocol/register.test.ts.

let provider: Provider
beforeAll(async () => {
  const registration = { ...noRegistration, mode: 'open', grantTypes: ['authorization_code', 'refresh_token'] } as const
  provider = await startProvider({}, [], { settings: { registration } })
})
afterAll(() => provider.close())

const register = async (said: object) => {
  const response = await provider.postJson('/oauth/register', said)
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
const app = {
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access orders:read',
}

describe('section 2, metadata', () => {
  it.each([
    ['redirect_uris', 'https://app.example.com/cb'],
    ['redirect_uris', [7]],
    ['redirect_uris', [[redirectUri]]],
    ['redirect_uris', { 0: redirectUri }],
    ['grant_types', 'authorization_code'],
    ['response_types', ['code', 'token']],
    ['scope', ['openid']],
    ['jwks', []],
    ['jwks', { keys: {} }],
    ['jwks_uri', 'http://app.example.com/jwks'],
    ['jwks_uri', 7],
    ['token_endpoint_auth_method', 'magic'],
    ['token_endpoint_auth_method', ['none']],
    ['id_token_signed_response_alg', 'none'],
    ['id_token_signed_response_alg', 'HS256'],
    ['userinfo_encrypted_response_alg', 'RSA1_5'],
    ['default_max_age', '60'],
    ['default_max_age', -1],
    ['default_max_age', 1.5],
    ['default_acr_values', '2'],
    ['default_acr_values', ['urn:example:gold']],
    ['request_uris', ['https://app.example.com/\n']],
    ['tos_uri', 'data:text/html,x'],
    ['policy_uri', 'file:///etc/passwd'],
    ['client_name', ''],
    ['client_name', 'x'.repeat(101)],
    ['application_type', 'spa'],
  ])('2 %s of the wrong kind is refused with the right code and never fails: %j', async (name, value) => {
    const { status, body } = await register({ ...app, [name]: value })
    expect(status).toBe(400)
    expect(['invalid_client_metadata', 'invalid_redirect_uri', 'invalid_request']).toContain(body.error)
  })

  it.each([
    { kty: 'RSA', n: 'AQAB', e: 'AQAB', d: 'x' },
    { kty: 'oct', k: 'AAAA' },
    { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' },
    { kty: 'RSA', n: Buffer.alloc(128, 7).toString('base64url'), e: 'AQAB' },
  ])('2 a private, symmetric, broken or short key is refused (%#)', async (key) => {
    const { status, body } = await register({ ...app, jwks: { keys: [key] } })
    expect([status, body.error]).toEqual([400, 'invalid_client_metadata'])
  })

  it('2 permissions are not a client’s to register: what it says of them is not heard', async () => {
    const said = {
      ...app,
      first_party: true,
      skip_consent: true,
      insecure: { hybrid: true },
      profile: 'x',
      client_id: 'admin',
    }
    const { status, body } = await register(said)
    expect(status).toBe(201)
    expect(body.client_id).toMatch(/^dyn_/)
    const page = await provider.browser.get(provider.authorizePath({ client_id: body.client_id }))
    const consent = await provider.browser.signIn(page, 'alice', 'correct horse battery')
    expect(consent.has('allow')).toBe(true)
    const hybrid = provider.authorizePath({ client_id: body.client_id, response_type: 'code id_token' })
    expect((await provider.browser.get(hybrid)).callback.get('error')).toBe('unsupported_response_type')
  })
})

describe('section 3, the client that comes of it', () => {
  it('3.2.1 a client’s secret is 256 bits, and it goes the whole way with that', async () => {
    const { body } = await register(app)
    expect(body.client_secret).toMatch(/^[\w-]{43,}$/)
    const answer = await provider.authorize({ client_id: body.client_id, scope: app.scope })
    const headers = basic(body.client_id ?? '', body.client_secret ?? '')
    const tokens = await provider.exchange(answer.callback.get('code'), {}, headers)
    expect(tokens.body).toMatchObject({ scope: app.scope, refresh_token: expect.any(String) })
  })

  it('3.2.2 an error is JSON that names the member', async () => {
    const { body } = await register({ ...app, redirect_uris: ['https://app.example.com/cb#x'] })
    expect(body.error).toBe('invalid_redirect_uri')
    expect(body.error_description).toContain('fragment')
  })
})
