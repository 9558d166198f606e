import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, claimsOf, issuer, orders, type Provider, startProvider, web } from './provider.ts'

// Introspection: what protocol/protocol.test.ts does not show.

let provider: Provider
beforeAll(async () => {
  provider = await startProvider({}, [{ ...web, id: 'other', secret: 'other-secret' }])
})
afterAll(() => provider.close())

const asService = basic('service:orders', 'orders-secret')
const ask = async (token: string | undefined, headers?: Record<string, string>): Promise<Record<string, unknown>> =>
  (await provider.post('/oauth/introspect', { token }, headers)).body
const scope = 'openid offline_access orders:read'

describe('section 2.2, the answer', () => {
  it('2.2 the answer says everything that the token says', async () => {
    const { access_token = '' } = await provider.tokens({ scope })
    const { sub, exp, iat, jti } = claimsOf(access_token)
    expect(await ask(access_token)).toMatchObject({
      active: true,
      token_type: 'Bearer',
      iss: issuer,
      aud: issuer,
      client_id: 'web',
      scope,
      acr: '1',
      auth_time: expect.any(Number),
      ...{ sub, exp, iat, jti },
    })
  })

  it('2.2 the answer of a refresh token is for its own client alone', async () => {
    const { refresh_token } = await provider.tokens({ scope })
    expect(await ask(refresh_token)).toMatchObject({ active: true, client_id: 'web', scope })
    expect(await ask(refresh_token, basic('other', 'other-secret'))).toEqual({ active: false })
    expect(await ask(refresh_token, asService)).toEqual({ active: false })
  })

  it('2.2 the answer of a token for another audience is exactly {"active":false}', async () => {
    const forOrders = await provider.tokens({ resource: orders })
    expect(await ask(forOrders.access_token, asService)).toMatchObject({ active: true, aud: orders })
    expect(await ask(forOrders.access_token, basic('other', 'other-secret'))).toEqual({ active: false })
  })

  it.each(['x', 'a.b.c', 'ghr_a.1.b', 'gha_AAAA', ' ', '\u0000', 'x'.repeat(20_000)])(
    '2.2 the answer of what is no token is exactly {"active":false} (%#)',
    async (token) => {
      expect(await ask(token)).toEqual({ active: false })
    },
  )

  it('2.2 the answer of what ended with its session is {"active":false}', async () => {
    const first = await provider.tokens({ scope })
    const next = await provider.token({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
    expect(await ask(first.access_token)).toMatchObject({ active: true })
    await provider.browser.get(`/oauth/logout?id_token_hint=${first.id_token}`)
    for (const token of [first.access_token, next.body.access_token, next.body.refresh_token])
      expect(await ask(token)).toEqual({ active: false })
  })

  it('2.2 the answer of an ID token is {"active":false}', async () => {
    expect(await ask((await provider.tokens()).id_token)).toEqual({ active: false })
  })
})

it('2.1 a public client and a stranger cannot ask', async () => {
  for (const form of [{ token: 'x' }, { token: 'x', client_id: 'spa' }, { token: 'x', client_id: 'web' }])
    expect((await provider.post('/oauth/introspect', form, {})).status).toBe(401)
})

it('4 the answer is kept nowhere, and there is none for pages of other origins', async () => {
  const headers = { ...basic('web', 'web-secret'), origin: 'https://a.example' }
  const answer = await provider.post('/oauth/introspect', { token: 'x' }, headers)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
})
