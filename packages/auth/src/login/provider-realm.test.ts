import { afterEach, expect, it } from 'vitest'
import { newPkce, type ShownPage, type TestBrowser } from '../testing/browser.ts'
import { corp, type OutsideSignIns, startOutsideSignIns } from '../testing/outside-sign-in.ts'

const redirectUri = 'https://app.example.com/cb'
const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code'] as const,
  metadata: { redirect_uris: [redirectUri] },
}
const pkce = newPkce()

let site: OutsideSignIns
afterEach(() => site.close())

const start = async () => {
  const realm = { domains: ['corp.example'], organisations: ['corp'] }
  site = await startOutsideSignIns((upstream) => [corp(upstream, realm)], { clients: [web] })
}
const authorize = (browser: TestBrowser, asked: Record<string, string> = {}): Promise<ShownPage> => {
  const base = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid' }
  const challenge = { code_challenge: pkce.challenge, code_challenge_method: 'S256' }
  return browser.get(`/oauth/authorize?${new URLSearchParams({ ...base, ...challenge, ...asked })}`)
}
/** Where a browser was sent; undefined = it was shown a page of ours. */
const sentTo = (page: ShownPage): URL | undefined => {
  const location = page.headers.get('location')
  return location === null ? undefined : new URL(location)
}

it.each([
  ['the provider that the app names', { idp_hint: 'corp' }],
  ['that of the organisation that the app names', { organization: 'corp' }],
  ['that of the address that the app names', { login_hint: 'zoe@corp.example' }],
])('an app’s users are sent to %s', async (_, asked) => {
  await start()
  const there = sentTo(await authorize(site.newBrowser(), asked))
  expect(there?.origin).toBe(site.upstream.issuer)
  expect(there?.searchParams.get('login_hint') ?? undefined).toBe('login_hint' in asked ? asked.login_hint : undefined)
})

it.each([
  ['nothing', {}],
  ['a provider that there is not', { idp_hint: 'other' }],
  ['an address elsewhere', { login_hint: 'zoe@corp.example.net' }],
  ['an address that is none', { login_hint: 'zoe@evil@corp.example' }],
])('an app that names %s has its users asked here', async (_, asked) => {
  await start()
  const page = await authorize(site.newBrowser(), asked)
  expect([sentTo(page), page.has('provider-corp'), page.has('password')]).toEqual([undefined, true, true])
})

it('who types an address of a provider’s domain is sent there, whatever is typed as the password', async () => {
  await start()
  const browser = site.newBrowser()
  const there = sentTo(await browser.signIn(await authorize(browser), 'Zoe@Corp.Example', 'whatever'))
  expect([there?.origin, there?.searchParams.get('login_hint')]).toEqual([site.upstream.issuer, 'Zoe@Corp.Example'])
})

it('an app’s user who signs in at a provider goes on to the app', async () => {
  await start()
  const browser = site.newBrowser()
  const asked = sentTo(await authorize(browser, { idp_hint: 'corp', state: 'S' }))?.searchParams
  const consent = await site.comeBack(browser, asked ?? new URLSearchParams(), { preferred_username: 'zoe' })
  const back = sentTo(await browser.submit(consent, { decision: 'allow' }))
  expect([back?.origin, back?.searchParams.get('state'), back?.searchParams.has('code')]).toEqual([
    'https://app.example.com',
    'S',
    true,
  ])
})
