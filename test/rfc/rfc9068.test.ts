import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, issuer, orders, type Provider, startProvider } from './provider.ts'

// JWT access tokens.

let provider: Provider
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider.close())

it('2.1 the header says at+jwt, an asymmetric algorithm and a published key', async () => {
  const { access_token = '' } = await provider.tokens()
  const { typ, alg, kid } = decodeProtectedHeader(access_token)
  const { keys } = (await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
  expect([typ, alg]).toEqual(['at+jwt', 'ES256'])
  expect(keys.map((key) => key.kid)).toContain(kid)
})

it('2.2 a token has every required claim, and those about the sign-in', async () => {
  const claims = claimsOf((await provider.tokens()).access_token ?? '')
  expect(claims).toMatchObject({
    iss: issuer,
    aud: issuer,
    client_id: 'web',
    sub: expect.stringMatching(/^usr_/),
    jti: expect.any(String),
    scope: 'openid orders:read',
    auth_time: expect.any(Number),
    acr: '1',
    amr: ['pwd'],
  })
  expect(Number(claims.exp) - Number(claims.iat)).toBe(300)
})

describe('section 3, whom it is for', () => {
  it('3 the audience is the default one where none is asked for, else the asked one, and never the client', async () => {
    for (const [resource, aud] of [
      [undefined, issuer],
      [orders, orders],
    ] as const)
      expect(claimsOf((await provider.tokens({ resource })).access_token ?? '').aud).toBe(aud)
    const { access_token = '' } = (await provider.token({ grant_type: 'client_credentials' })).body
    expect(claimsOf(access_token)).toMatchObject({ aud: issuer, sub: 'web', client_id: 'web' })
  })

  it('2.2.3 a token of a machine says nothing of roles, sessions or a sign-in', async () => {
    const { access_token = '' } = (await provider.token({ grant_type: 'client_credentials' })).body
    for (const name of ['roles', 'sid', 'gid', 'auth_time', 'acr', 'amr'])
      expect(claimsOf(access_token), name).not.toHaveProperty(name)
  })
})

it('5 no two tokens have one jti', async () => {
  const issued = await Promise.all(
    Array.from({ length: 20 }, async () => (await provider.token({ grant_type: 'client_credentials' })).body),
  )
  expect(new Set(issued.map(({ access_token = '' }) => claimsOf(access_token).jti)).size).toBe(20)
})
