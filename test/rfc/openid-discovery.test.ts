import { afterAll, beforeAll, expect, it } from 'vitest'
import { claimsOf, issuer, type Provider, startProvider } from './provider.ts'

// OpenID Connect Discovery; the document is that of RFC 8414, and tested there.

let provider: Provider
let metadata: Record<string, unknown>
beforeAll(async () => {
  provider = await startProvider()
  metadata = await provider.metadata()
})
afterAll(() => provider.close())

it('3 the document has every required member', () => {
  for (const name of [
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'userinfo_endpoint',
    'jwks_uri',
    'response_types_supported',
    'subject_types_supported',
    'id_token_signing_alg_values_supported',
    'scopes_supported',
    'claims_supported',
  ])
    expect(metadata, name).toHaveProperty(name)
  expect(metadata.id_token_signing_alg_values_supported).toContain('RS256')
  expect(metadata.scopes_supported).toContain('openid')
})

it('3 every claim of an ID token and of userinfo is listed', async () => {
  const { id_token = '', access_token = '' } = await provider.tokens({ scope: 'openid profile' })
  const userinfo = (await provider.userinfo(access_token)).body
  const technical = new Set(['at_hash', 'c_hash', 's_hash'])
  for (const name of [...Object.keys(claimsOf(id_token)), ...Object.keys(userinfo)]) {
    if (!technical.has(name)) expect(metadata.claims_supported).toContain(name)
  }
})

it('4.3 the issuer is the one that was asked, without a slash at its end', () => {
  expect(metadata.issuer).toBe(issuer)
  expect(issuer.endsWith('/')).toBe(false)
})

it('3 no session frame is offered, and so no messages between windows are answered', () => {
  expect(metadata).not.toHaveProperty('check_session_iframe')
})
