import { changeRights } from '@gatehouse/auth/domain/user-rights'
import { addUser, getUserByName } from '@gatehouse/auth/domain/users'
import type { ShownPage } from '@gatehouse/auth/testing/browser'
import type { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { currentCode } from '@gatehouse/auth/testing/totp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BrowserSite, startBrowserSite } from './testing/browser-site.ts'

let site: BrowserSite
beforeAll(async () => {
  site = await startBrowserSite(
    `
      - { path: /**, require: signed-in }
      - { path: /books, require: { roles: [boss] } }
      - { path: /ledger, require: { scopes: [ledger:read] } }
      - { path: /recent, require: { roles: [boss], max_age: 5m } }
      - { path: /from-home, require: { roles: [boss], addresses: [192.0.2.0/24] } }
      - { path: /others, require: { roles: [owner] } }`,
    `
second_factor: { required_for_roles: [boss] }
roles: { boss: { scopes: [ledger:read] } }
`,
  )
})
afterAll(() => site.close())

let browser: HostBrowser
let username: string
let people = 0
beforeEach(async () => {
  browser = site.newBrowser()
  people += 1
  username = `carol${people}`
  const { store, clock, program } = site
  const { passwords, revocations } = program.auth
  await addUser(
    { store, clock, passwords, revocations },
    { ...{ username, password: goodPassword, roles: ['clerk'] }, scopes: [], minimumPasswordLength: 15 },
    { actor: 'test' },
  )
})

const signIn = async (page: ShownPage): Promise<ShownPage> => browser.submit(page, { username, password: goodPassword })
const visit = (path: string) => browser.visit(site.app + path)
const call = (path: string) => browser.call(site.app + path)
const give = async (...roles: string[]): Promise<void> => {
  const { store, clock, program } = site
  const { id } = await getUserByName({ store }, username)
  const { revocations } = program.auth
  await changeRights({ store, clock, revocations }, { id, roles: ['clerk', ...roles] }, { actor: 'test' })
}
/** Sets up the app that a page wants to be set up; the secret, and where that leads. */
const setUp = async (page: ShownPage) => {
  const secret = /id="secret"[^>]*>([^<]*)</.exec(page.text)?.[1] ?? ''
  const done = await browser.submit(page, { code: currentCode(site, secret) })
  site.clock.advance(30)
  const next = /id="continue"[^>]* href="([^"]+)"/.exec(done.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  return { secret, page: next === '' ? done : await browser.visit(new URL(next, done.url).href) }
}

describe('a role that needs a second factor, and comes to who uses an app already', () => {
  it('leads a page to the factor, to be set up where there is none, and back', async () => {
    await signIn(await visit('/'))
    expect((await visit('/books')).status).toBe(403)
    await give('boss')
    const asked = await visit('/books?year=1')
    expect([asked.status, asked.has('password')]).toEqual([200, true])
    const { page } = await setUp(await signIn(asked))
    expect([page.url, page.status]).toEqual([`${site.app}/books?year=1`, 200])
    expect(site.received.at(-1)?.headers['x-gatehouse-roles']).toBe('clerk boss')
    expect((await call('/ledger')).status).toBe(200)
  })

  it('asks who has one for that alone', async () => {
    await signIn(await visit('/'))
    const first = browser
    browser = site.newBrowser()
    const security = await signIn(await browser.visit(`${site.issuer}/account/security`))
    const { secret } = await setUp(
      await browser.post(`${site.issuer}/account/totp`, { flow: security.form.fields.flow ?? '' }),
    )
    browser = first
    await give('boss')
    const asked = await visit('/books')
    expect([asked.has('code'), asked.has('password')]).toEqual([true, false])
    const page = await browser.submit(asked, { code: currentCode(site, secret) })
    expect([page.url, page.status]).toEqual([`${site.app}/books`, 200])
  })

  it('tells a script, and a client with a token, that the factor is what is missing', async () => {
    await signIn(await visit('/'))
    const answer = await site.newBrowser().send(`${site.issuer}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password: goodPassword }),
    })
    const { access_token } = JSON.parse(answer.text) as { access_token: string }
    const authorization = `Bearer ${access_token}`
    const byToken = (path: string) => site.newBrowser().call(site.app + path, { headers: { authorization } })
    expect([(await call('/books')).status, (await byToken('/books')).status]).toEqual([403, 403])
    await give('boss')
    for (const ask of [call, byToken]) {
      const refused = await ask('/books')
      expect(refused.status).toBe(401)
      expect(JSON.parse(refused.text)).toMatchObject({ error: 'insufficient_user_authentication' })
      expect(refused.headers.get('www-authenticate')).toMatch(
        /error="insufficient_user_authentication", .*acr_values="2"/,
      )
      expect((await ask('/ledger')).headers.get('www-authenticate')).toMatch(/scope="ledger:read", acr_values="2"/)
    }
    site.clock.advance(301)
    expect((await call('/recent')).headers.get('www-authenticate')).toMatch(/acr_values="2", max_age="300"/)
  })

  it('says so of nobody whom the factor would not let through', async () => {
    await signIn(await visit('/'))
    // A role that needs no factor comes with the next grant, and not by one.
    await give('boss', 'owner')
    for (const path of ['/others', '/from-home']) {
      expect([path, (await call(path)).status, (await visit(path)).status]).toEqual([path, 403, 403])
    }
  })
})
