import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from './client-keys.ts'
import { claimsOf, issuer, orders, type Provider, redirectUri, startProvider } from './provider.ts'

// Resource indicators over the whole of a grant.

const keys = createClientKeys()
let provider: Provider
beforeAll(async () => {
  provider = await startProvider({ audiences: [orders, issuer], jwks: keys.jwks })
})
afterAll(() => provider.close())

const scope = 'orders:read'
const both = `resource=${encodeURIComponent(orders)}&resource=${encodeURIComponent(issuer)}`
const codeForBoth = async (): Promise<string | null> => {
  const page = await provider.browser.get(`${provider.authorizePath({ scope })}&${both}`)
  return (await provider.goOn(page)).callback.get('code')
}
const refresh = (refresh_token: string | undefined, form = {}) =>
  provider.token({ grant_type: 'refresh_token', refresh_token, ...form })
const audienceOf = (token: string | undefined): unknown => claimsOf(token ?? '').aud

describe('section 2.1, the authorization request', () => {
  it('2.1 several resources are several audiences', async () => {
    const { body } = await provider.exchange(await codeForBoth())
    expect(audienceOf(body.access_token)).toEqual([orders, issuer])
  })

  it.each(['https://other.example/', `${orders}/`, `${orders}#fragment`, 'orders', '/orders', orders.toUpperCase()])(
    '2 a resource that is unknown, relative or has a fragment is invalid_target: %s',
    async (resource) => {
      expect((await provider.authorize({ resource })).callback.get('error')).toBe('invalid_target')
      const pushed = await provider.post('/oauth/par', provider.parameters({ resource }))
      expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
      const token = await provider.token({ grant_type: 'client_credentials', resource })
      expect(token).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    },
  )

  it.each(['resource', 'audience'])('2.1 it can be pushed, by either name: %s', async (name) => {
    const pushed = await provider.post('/oauth/par', provider.parameters({ scope, [name]: orders }))
    const page = await provider.browser.get(
      `/oauth/authorize?client_id=web&request_uri=${encodeURIComponent(pushed.body.request_uri ?? '')}`,
    )
    const { body } = await provider.exchange((await provider.goOn(page)).callback.get('code'))
    expect(audienceOf(body.access_token)).toBe(orders)
    const unknown = provider.parameters({ [name]: 'https://other.example/' })
    expect((await provider.post('/oauth/par', unknown)).body.error).toBe('invalid_target')
  })

  it('2.1 several resources are a list in a signed request', async () => {
    const request = await keys.sign({
      ...{ iss: 'web', aud: issuer, client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope },
      ...{ code_challenge: provider.pkce.challenge, code_challenge_method: 'S256', resource: [orders, issuer] },
    })
    const page = await provider.browser.get(`/oauth/authorize?client_id=web&request=${request}`)
    const { body } = await provider.exchange((await provider.goOn(page)).callback.get('code'))
    expect(audienceOf(body.access_token)).toEqual([orders, issuer])
  })
})

describe('section 2.2, the token request', () => {
  it('2.2 one of the granted resources limits this token, and the next may be for the other', async () => {
    const { body } = await provider.exchange(await codeForBoth(), { resource: orders })
    expect(audienceOf(body.access_token)).toBe(orders)
    const next = await refresh(body.refresh_token, { resource: issuer })
    expect(audienceOf(next.body.access_token)).toBe(issuer)
    const all = await refresh(next.body.refresh_token)
    expect(audienceOf(all.body.access_token)).toEqual([orders, issuer])
  })

  it('2.2 what was not granted is invalid_target, and a refresh loses nothing by it', async () => {
    const one = (await provider.authorize({ scope, resource: orders })).callback.get('code')
    const { body } = await provider.exchange(one)
    expect(audienceOf(body.access_token)).toBe(orders)
    expect((await refresh(body.refresh_token, { resource: issuer })).body.error).toBe('invalid_target')
    expect((await refresh(body.refresh_token)).status).toBe(200)
    const other = (await provider.authorize({ scope, resource: orders })).callback.get('code')
    expect((await provider.exchange(other, { resource: issuer })).body.error).toBe('invalid_target')
  })
})
