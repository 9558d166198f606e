import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type Provider, startProvider } from './provider.ts'

// Step-up as the authorization server sees it; the challenge is the gateway's (packages/gateway/src/step-up.test.ts).

let provider: Provider
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider.close())

describe('section 4, asking for a better sign-in', () => {
  it('4 max_age makes the user sign in again, and the new token tells when', async () => {
    await provider.tokens()
    provider.clock.advance(120)
    const page = await provider.browser.get(provider.authorizePath({ max_age: '60' }))
    expect(page.has('password')).toBe(true)
    const { body } = await provider.exchange((await provider.goOn(page)).callback.get('code'))
    expect(claimsOf(body.access_token ?? '').auth_time).toBe(provider.clock.now())
  })

  it('4 acr_values that are reached, or not, are told by the acr of the token', async () => {
    for (const acr_values of ['1', 'urn:strong 1', 'urn:strong'])
      expect(claimsOf((await provider.tokens({ acr_values })).access_token ?? '').acr).toBe('1')
  })

  it('5 an essential class that nobody reaches is unmet_authentication_requirements', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:strong'] } } })
    const answer = await provider.authorize({ claims })
    expect(answer.callback.get('error')).toBe('unmet_authentication_requirements')
    const reached = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:strong', '1'] } } })
    expect((await provider.authorize({ claims: reached })).callback.has('code')).toBe(true)
  })
})

it('6.2 introspection tells acr and auth_time', async () => {
  const { access_token } = await provider.tokens()
  const { acr, auth_time } = claimsOf(access_token ?? '')
  expect(await provider.introspect(access_token)).toMatchObject({ acr, auth_time })
})

it('7 metadata list the classes', async () => {
  expect((await provider.metadata()).acr_values_supported).toEqual(['1', '2'])
})
