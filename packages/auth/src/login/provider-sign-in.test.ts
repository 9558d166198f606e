import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { corp, type OutsideSignIns, startOutsideSignIns } from '../testing/outside-sign-in.ts'

let site: OutsideSignIns
afterEach(() => site.close())

/** As whom a browser is signed in; the sign-in page names nobody. */
const ownerOf = async (browser: ReturnType<OutsideSignIns['newBrowser']>): Promise<string | undefined> =>
  / id="username">([^<]*)</.exec((await browser.get('/account')).text)?.[1]

const verified = { email: 'alice@example.com', email_verified: true }

describe('somebody who comes from a provider', () => {
  it('gets an account, and the same one each time', async () => {
    site = await startOutsideSignIns()
    const browser = site.newBrowser()
    const page = await site.signIn(browser, { preferred_username: 'zoe', name: 'Zoë' })
    expect(page.text).toContain('<strong id="username">zoe</strong>')
    const again = await site.signIn(site.newBrowser(), { preferred_username: 'other' })
    expect(again.text).toContain('<strong id="username">zoe</strong>')
    const user = await site.started.store.users.findByCanonicalName('zoe')
    expect(user).toMatchObject({ name: 'Zoë', scopes: 'orders:read', roles: '', password_hash: null, email: null })
  })

  it('is somebody else than whoever has that name or that address here', async () => {
    site = await startOutsideSignIns()
    const page = await site.signIn(site.newBrowser(), { preferred_username: 'alice' })
    expect(page.text).toContain('<strong id="username">alice (corp)</strong>')
    const refused = await site.signIn(site.newBrowser(), { sub: 'person-2', ...verified })
    expect([refused.status, refused.has('error')]).toEqual([403, true])
    const unverified = await site.signIn(site.newBrowser(), { sub: 'person-3', email: 'alice@example.com' })
    expect(unverified.text).toContain('<strong id="username">alice@example.com (corp)</strong>')
  })

  it('is led by a verified address to their account where the provider is trusted with those', async () => {
    site = await startOutsideSignIns((upstream) => [corp(upstream, { trustsEmail: true })])
    const page = await site.signIn(site.newBrowser(), verified)
    expect(page.text).toContain('<strong id="username">alice</strong>')
    expect((await site.started.mail('identity_linked')).to).toBe('alice@example.com')
    const other = await site.signIn(site.newBrowser(), { sub: 'person-2', ...verified, email_verified: false })
    expect(other.text).not.toContain('<strong id="username">alice</strong>')
  })

  it('is not let in where nobody may open an account', async () => {
    site = await startOutsideSignIns((upstream) => [corp(upstream, { createsAccounts: false })])
    const page = await site.signIn(site.newBrowser(), { preferred_username: 'zoe' })
    expect(page.status).toBe(403)
    expect(await site.started.store.users.findByCanonicalName('zoe')).toBeUndefined()
  })

  it('has the roles that the provider brings, and loses them and the session when it brings them no more', async () => {
    const mapping = { roles: { clerk: "'clerks' in claims.groups" } }
    site = await startOutsideSignIns((upstream) => [corp(upstream, {}, { mapping })])
    const first = site.newBrowser()
    await site.signIn(first, { preferred_username: 'zoe', groups: ['clerks'] })
    const rolesOf = async () => (await site.started.store.users.findByCanonicalName('zoe'))?.roles
    expect(await rolesOf()).toBe('clerk')
    expect(await ownerOf(first)).toBe('zoe')
    await site.signIn(site.newBrowser(), { groups: [] })
    expect(await rolesOf()).toBe('')
    expect(await ownerOf(first)).toBeUndefined()
  })
})

describe('what comes back', () => {
  it('counts once, in the browser that was sent there, and for that provider', async () => {
    site = await startOutsideSignIns((upstream) => [corp(upstream), corp(upstream, { name: 'other' })])
    const browser = site.newBrowser()
    const asked = await site.go(browser)
    const answer = new URLSearchParams({ code: 'code', state: asked.get('state') ?? '' })
    const tokenRequests = () => site.upstream.requests.filter(({ path }) => path === '/token').length
    for (const [who, path] of [
      [site.newBrowser(), `/federation/corp/callback?${answer}`],
      [browser, `/federation/other/callback?${answer}`],
      [browser, '/federation/corp/callback?code=code&state=unknown'],
      [browser, '/federation/corp/callback?code=code'],
    ] as const) {
      expect((await who.get(path)).status).toBe(400)
    }
    expect(tokenRequests()).toBe(0)
    expect((await site.comeBack(browser, asked, { preferred_username: 'zoe' })).has('username')).toBe(true)
    expect((await site.comeBack(browser, asked, { preferred_username: 'zoe' })).status).toBe(400)
    expect(tokenRequests()).toBe(1)
  })

  it('is told of on the sign-in page where it comes to nothing, and noted', async () => {
    site = await startOutsideSignIns()
    const browser = site.newBrowser()
    const asked = await site.go(browser)
    const answer = new URLSearchParams({ error: 'access_denied', state: asked.get('state') ?? '' })
    const page = await browser.get(`/federation/corp/callback?${answer}`)
    expect([page.status, page.has('error'), page.has('password')]).toEqual([400, true, true])
    const events = await site.started.store.audit.list({ target: 'corp', limit: 5 })
    expect(events[0]).toMatchObject({ type: 'provider_failed', result: 'cancelled' })
  })
})

it('a provider’s word that somebody has signed out ends their sessions, once', async () => {
  site = await startOutsideSignIns()
  const browser = site.newBrowser()
  await site.signIn(browser, { preferred_username: 'zoe', sid: 'S1' })
  expect(await ownerOf(browser)).toBe('zoe')
  const logout_token = await site.upstream.signIdToken(
    { sid: 'S1', jti: 'one', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    { typ: 'logout+jwt' },
  )
  const post = () => site.started.postForm('/federation/corp/logout', { logout_token })
  expect((await post()).status).toBe(200)
  expect(await ownerOf(browser)).toBeUndefined()
  expect((await post()).status).toBe(400)
})

describe('signing out', () => {
  const open = async () => {
    site = await startOutsideSignIns((upstream) => [corp(upstream, { singleLogout: true })])
    const browser = site.newBrowser()
    await site.signIn(browser, { preferred_username: 'zoe', sid: 'S1' })
    const page = await browser.submit(await browser.get('/oauth/logout'), {})
    return { browser, there: new URL(page.headers.get('location') ?? 'http://nowhere') }
  }

  it('leads to the provider, where it is so configured, and back', async () => {
    const { browser, there } = await open()
    expect(there.href.startsWith(`${site.upstream.issuer}/logout?`)).toBe(true)
    expect(there.searchParams.get('post_logout_redirect_uri')).toBe('https://auth.example.com/federation/corp/logout')
    expect(await ownerOf(browser)).toBeUndefined()
    const state = there.searchParams.get('state') ?? ''
    const back = await browser.get(`/federation/corp/logout?${new URLSearchParams({ state })}`)
    expect(back.has('signed-out')).toBe(true)
  })

  it('leads nowhere but to the page here for whoever comes back unasked', async () => {
    const { there } = await open()
    const state = there.searchParams.get('state') ?? ''
    const back = await site.newBrowser().get(`/federation/corp/logout?${new URLSearchParams({ state })}`)
    expect(back.has('signed-out')).toBe(true)
  })
})

it('what is half proven opens nothing any more once the provider says that they have signed out', async () => {
  const mapping = { roles: { clerk: 'true' } }
  const secondFactor = { requiredForRoles: ['clerk'], rememberFor: seconds(0) }
  site = await startOutsideSignIns((upstream) => [corp(upstream, {}, { mapping })], { settings: { secondFactor } })
  const browser = site.newBrowser()
  const half = await site.signIn(browser, { preferred_username: 'zoe', sid: 'S1' })
  const { pathname, search } = new URL(half.url)
  expect([pathname, half.status]).toEqual(['/login/enrol', 200])
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const logout_token = await site.upstream.signIdToken({ sid: 'S1', jti: 'half', events }, { typ: 'logout+jwt' })
  expect((await site.started.postForm('/federation/corp/logout', { logout_token })).status).toBe(200)
  expect((await browser.get(pathname + search)).status).toBe(404)
})

it('an expression of the mapping that comes to nothing is noted, and gives nothing', async () => {
  const mapping = { roles: { clerk: "'clerks' in claims.groups" } }
  site = await startOutsideSignIns((upstream) => [corp(upstream, {}, { mapping })])
  await site.signIn(site.newBrowser(), { preferred_username: 'zoe' })
  const zoe = await site.started.store.users.findByCanonicalName('zoe')
  const events = await site.started.store.audit.list({ target: zoe?.id ?? '', limit: 20 })
  const noted = events.find(({ type }) => type === 'claims_not_mapped')
  expect([zoe?.roles, noted?.detail]).toEqual(['', JSON.stringify({ provider: 'corp', keys: ['roles'] })])
})
