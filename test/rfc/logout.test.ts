import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, type Provider, startProvider, web } from './provider.ts'

// RP-Initiated Logout; protocol/end-session.test.ts shows the other sections, and the back and front channels.

const back = 'https://app.example.com/bye'
let provider: Provider
beforeAll(async () => {
  const metadata = { ...web.metadata, post_logout_redirect_uris: [back] }
  provider = await startProvider({ metadata }, [{ ...web, id: 'other', metadata }])
})
afterAll(() => provider.close())

const logout = (given: Record<string, string | undefined>) => {
  const present = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return provider.browser.get(`/oauth/logout?${new URLSearchParams(present)}`)
}
const isSignedIn = async (): Promise<boolean> =>
  (await provider.browser.get(provider.authorizePath({ prompt: 'none' }))).callback.has('code')

describe('section 2, the request', () => {
  it('2 the request may be posted, with the same outcome', async () => {
    const { id_token = '' } = await provider.tokens()
    const form = { id_token_hint: id_token, post_logout_redirect_uri: back, state: 'ä&=' }
    const answer = await provider.browser.post('/oauth/logout', form)
    expect(answer.headers.get('location')).toBe(`${back}?state=${encodeURIComponent('ä&=')}`)
    expect(await isSignedIn()).toBe(false)
  })

  it('2 a parameter that comes twice is refused, and nobody is signed out', async () => {
    const { id_token } = await provider.tokens()
    const page = await provider.browser.get(`/oauth/logout?id_token_hint=${id_token}&state=a&state=b`)
    expect(page.status).toBe(400)
    expect(await isSignedIn()).toBe(true)
  })

  it('2 an ID token of any client of the session will do, with that client’s own addresses', async () => {
    const code = (await provider.authorize({ client_id: 'other' })).callback.get('code')
    const { body } = await provider.exchange(code, {}, basic('other', 'web-secret'))
    const mixed = { id_token_hint: body.id_token, client_id: 'web', post_logout_redirect_uri: back }
    expect((await logout(mixed)).has('sign-out')).toBe(true)
    const good = { id_token_hint: body.id_token, client_id: 'other', post_logout_redirect_uri: back }
    expect((await logout(good)).headers.get('location')).toBe(back)
  })

  it('2 GET without a hint changes nothing: an image or a link signs nobody out', async () => {
    await provider.tokens()
    for (const given of [
      {},
      { client_id: 'web' },
      { post_logout_redirect_uri: back },
      { logout_hint: 'alice' },
      { id_token_hint: 'x' },
    ])
      await logout(given)
    expect(await isSignedIn()).toBe(true)
  })
})

describe('section 3, where it leads', () => {
  it.each([
    `${back}?x=1`,
    `${back}/`,
    `${back}#x`,
    'https://app.example.com.evil/bye',
    '//evil.test',
    '/\\evil.test',
    'javascript:alert(1)',
    `${back}@evil.test`,
  ])('3 it leads only to an address that is registered, letter for letter: %s', async (post_logout_redirect_uri) => {
    const { id_token } = await provider.tokens()
    const page = await logout({ id_token_hint: id_token, post_logout_redirect_uri })
    expect([page.headers.get('location'), page.headers.get('refresh')]).toEqual([null, null])
    expect(page.text).not.toContain('evil')
    expect(page.has('sign-out')).toBe(true)
    expect(await isSignedIn()).toBe(true)
  })

  it('3 it leads nowhere where no address is given, whatever the state', async () => {
    const { id_token } = await provider.tokens()
    const page = await logout({ id_token_hint: id_token, state: 'x' })
    expect([page.has('signed-out'), page.headers.get('location')]).toEqual([true, null])
  })
})
