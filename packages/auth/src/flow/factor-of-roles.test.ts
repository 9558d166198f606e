import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { changeRoles } from '../domain/organisation-members.ts'
import { changeRights } from '../domain/user-rights.ts'
import type { ShownPage, TestBrowser } from '../testing/browser.ts'
import { type OrganisationSite, startOrganisations } from '../testing/organisations.ts'
import { claimsOf } from '../testing/start-auth.ts'
import { addTotp, currentCode } from '../testing/totp.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const secondFactor = { requiredForRoles: ['clerk'], rememberFor: seconds(86_400) }
const scope = 'openid offline_access orders:read roles'

let site: OrganisationSite
beforeEach(async () => {
  site = await startOrganisations({
    settings: { secondFactor },
    clients: [
      {
        id: 'tv',
        authMethod: 'none',
        secret: undefined,
        scopes: ['orders:read', 'roles'],
        grantTypes: [deviceGrant, 'refresh_token'],
      },
    ],
  })
  await site.addOrganisation('acme', { carol: 'auditor' })
})
afterEach(() => site.started.close())

const giveInOrganisation = async (): Promise<void> => {
  const { id: member } = await site.addPerson('carol')
  const [row] = await site.started.store.memberships.listByUser(member)
  if (!row) throw new Error('carol is no member')
  const of = { organisation: row.organisation_id, member, roles: ['auditor', 'clerk'] }
  await changeRoles(site.members, { ...of, version: row.version }, 'operator', { actor: 'test' })
}
const giveToUser = async (): Promise<void> => {
  const { store, clock, auth } = site.started
  const { id } = await site.addPerson('carol')
  await changeRights({ store, clock, revocations: auth.revocations }, { id, roles: ['clerk'] }, { actor: 'test' })
}
const giveByInvitation = async (browser: TestBrowser): Promise<void> => {
  const { id } = await site.addOrganisation('globex')
  await browser.submit(await browser.get(await site.invite(id, 'carol@example.com', ['clerk'])), {})
}

const authorize = (browser: TestBrowser, more: Record<string, string> = {}): Promise<ShownPage> =>
  site.authorize(browser, { scope, ...more })
const exchange = async (page: ShownPage) => (await site.exchange(page)).body
const rolesIn = ({ access_token = '' }: { access_token?: string }) => {
  const { roles, acr, scope } = claimsOf(access_token)
  return { roles, acr, scope }
}
/** Sets up the app that a page wants to be set up, and goes on from there. */
const setUp = async (browser: TestBrowser, page: ShownPage): Promise<ShownPage> => {
  expect(page.has('confirm')).toBe(true)
  const secret = /id="secret"[^>]*>([^<]*)</.exec(page.text)?.[1] ?? ''
  const done = await browser.submit(page, { code: currentCode(site.started, secret) })
  return browser.get(/id="continue"[^>]* href="([^"]+)"/.exec(done.text)?.[1]?.replaceAll('&amp;', '&') ?? '')
}
const signIn = (browser: TestBrowser, page: ShownPage): Promise<ShownPage> =>
  browser.signIn(page, 'carol', 'correct horse battery')

describe('a role that needs a second factor, and comes to who has signed in before', () => {
  it.each([
    ['in their organisation', giveInOrganisation, 'acme'],
    ['as their own', giveToUser, 'acme'],
    ['by an invitation', giveByInvitation, 'globex'],
  ])('%s, is handed out once a factor has been set up', async (_name, give, organization) => {
    const browser = await site.browserOf('carol')
    const before = await exchange(await authorize(browser))
    expect(rolesIn(before)).toMatchObject({ roles: ['auditor'], acr: '1' })
    await give(browser)
    expect((await authorize(browser, { organization, prompt: 'none' })).callback.get('error')).toBe('login_required')
    // What was granted before goes on as it was.
    expect(rolesIn((await site.refresh(before.refresh_token)).body)).toMatchObject({ roles: ['auditor'], acr: '1' })
    const asked = await authorize(browser, { organization })
    expect(asked.has('password')).toBe(true)
    const page = await setUp(browser, await signIn(browser, asked))
    const { roles, ...rest } = rolesIn(await exchange(page))
    expect(roles).toContain('clerk')
    expect(rest).toEqual({ acr: '2', scope })
    expect((await authorize(browser, { organization, prompt: 'none' })).callback.has('code')).toBe(true)
  })

  it('is not needed for another organisation, and asked for once that one is picked', async () => {
    const browser = await site.browserOf('carol')
    const { id } = await site.addOrganisation('globex', { carol: 'clerk' })
    const acme = await exchange(await authorize(browser, { organization: 'acme', prompt: 'none' }))
    expect(rolesIn(acme)).toMatchObject({ roles: ['auditor'], acr: '1' })
    const page = await authorize(browser)
    expect((await browser.submit(page, { organisation: id })).has('password')).toBe(true)
  })

  it('asks who has a factor for that alone, also where it has worn off or the browser is remembered', async () => {
    const secret = await addTotp(site.started, 'carol')
    const browser = site.newBrowser()
    const page = await signIn(browser, await browser.get('/login'))
    await browser.submit(page, { code: currentCode(site.started, secret), remember: 'yes' })
    await giveInOrganisation()
    expect((await authorize(browser, { prompt: 'none' })).callback.has('code')).toBe(true)
    site.started.clock.advance(80_000)
    expect((await signIn(browser, await authorize(browser, { prompt: 'login' }))).has('code')).toBe(true)
    site.started.clock.advance(86_401)
    expect((await authorize(browser, { prompt: 'none' })).callback.get('error')).toBe('login_required')
    const shown = await browser.submit(await authorize(browser), { code: currentCode(site.started, secret) })
    expect(rolesIn(await exchange(shown))).toMatchObject({ roles: ['auditor', 'clerk'], acr: '2' })
  })

  it('holds for what is approved for a device', async () => {
    const browser = await site.browserOf('carol')
    const begun = await site.started.postForm('/oauth/device', { client_id: 'tv', scope })
    const { user_code = '', device_code = '' } = (await begun.json()) as Record<string, string>
    const page = await browser.submit(await browser.get('/device'), { user_code })
    await giveInOrganisation()
    const again = await browser.submit(page, { decision: 'allow' })
    expect(again.has('password')).toBe(true)
    const form = { grant_type: deviceGrant, client_id: 'tv', device_code }
    const early = await site.started.postForm('/oauth/token', form)
    expect(await early.json()).toMatchObject({ error: 'authorization_pending' })
    await browser.submit(await setUp(browser, await signIn(browser, again)), { decision: 'allow' })
    site.started.clock.advance(10)
    const tokens = (await (await site.started.postForm('/oauth/token', form)).json()) as Record<string, string>
    expect(rolesIn(tokens)).toMatchObject({ roles: ['auditor', 'clerk'], acr: '2' })
  })

  it('is not used on the pages of the account either', async () => {
    const browser = await site.browserOf('carol')
    const { form } = await browser.get('/account/profile')
    await giveInOrganisation()
    const fields = { flow: form.fields.flow ?? '', organisation: 'x', member: 'y' }
    const asked = await browser.post('/account/organisations/members/remove', fields)
    expect([asked.status, asked.has('password')]).toEqual([200, true])
  })

  it('shows nobody by one factor who belongs to an organisation that they look after', async () => {
    const { auth, settings } = site.started
    const { id } = await site.addOrganisation('globex', { carol: 'admin', dave: '' })
    const page = `/account/organisations/members?organisation=${id}`
    const browser = await site.browserOf('carol')
    expect((await browser.get(page)).text).toContain('data-member=')
    auth.replaceSettings({ ...settings, secondFactor: { ...secondFactor, requiredForRoles: ['admin'] } })
    const asked = await browser.get(page)
    expect([asked.has('password'), asked.text.includes('data-member=')]).toEqual([true, false])
    expect((await setUp(browser, await signIn(browser, asked))).text).toContain('data-member=')
    // Who looks after nothing hears no more than before.
    expect((await (await site.browserOf('dave')).get(page)).status).toBe(404)
  })
})

describe('a role that needs a second factor from now on', () => {
  const userinfoOf = async ({ access_token = '' }: { access_token?: string }) => {
    const headers = { authorization: `Bearer ${access_token}` }
    return (await fetch(`${site.started.url}/oauth/userinfo`, { headers })).json() as Promise<Record<string, unknown>>
  }
  const setRequired = (requiredForRoles: readonly string[], more: Partial<AuthSettings> = {}): void => {
    const { auth, settings } = site.started
    auth.replaceSettings({ ...settings, secondFactor: { ...secondFactor, requiredForRoles }, ...more })
  }

  it('counts no longer in grants that began with one, and again once it need not', async () => {
    setRequired([])
    await giveInOrganisation()
    const page = await authorize(await site.browserOf('carol'))
    const unused = await authorize(await site.browserOf('carol'))
    const api = (await site.login('carol')).body
    const before = await exchange(page)
    expect(rolesIn(before)).toEqual({ roles: ['auditor', 'clerk'], acr: '1', scope })
    setRequired(['clerk'])
    const weak = { roles: ['auditor'], acr: '1', scope: 'openid offline_access roles' }
    const refreshed = (await site.refresh(before.refresh_token)).body
    expect([refreshed.scope, rolesIn(refreshed)]).toEqual([weak.scope, weak])
    expect((await userinfoOf(refreshed)).roles).toEqual(['auditor'])
    const asked = await site.refresh(refreshed.refresh_token, { scope: 'orders:read' })
    expect(asked.body.error).toBe('invalid_scope')
    expect(rolesIn(await exchange(unused))).toEqual(weak)
    const again = await site.started.postJson('/token/refresh', { refresh_token: api.refresh_token })
    expect(rolesIn((await again.json()) as Record<string, string>)).toMatchObject({
      roles: ['auditor'],
      scope: 'audit:read',
    })
    setRequired([])
    expect(rolesIn((await site.refresh(refreshed.refresh_token)).body)).toEqual(rolesIn(before))
  })

  it('stays in a grant that began with two, whatever has worn off since', async () => {
    const sessionLimits = { ...site.started.settings.sessionLimits, secondFactor: seconds(600) }
    setRequired([], { sessionLimits })
    const secret = await addTotp(site.started, 'carol')
    await giveInOrganisation()
    const browser = site.newBrowser()
    const page = await signIn(browser, await authorize(browser))
    const before = await exchange(await browser.submit(page, { code: currentCode(site.started, secret) }))
    setRequired(['clerk'], { sessionLimits })
    site.started.clock.advance(601)
    const refreshed = (await site.refresh(before.refresh_token)).body
    expect(rolesIn(refreshed)).toEqual({ roles: ['auditor', 'clerk'], acr: '1', scope })
    expect((await userinfoOf(refreshed)).roles).toEqual(['auditor', 'clerk'])
    // So does one that nobody has used for a while.
    site.started.clock.advance(3601)
    setRequired(['clerk'])
    const unused = (await site.refresh(refreshed.refresh_token)).body
    expect(rolesIn(unused)).toEqual({ roles: ['auditor', 'clerk'], acr: '1', scope })
    expect((await userinfoOf(unused)).roles).toEqual(['auditor', 'clerk'])
  })
})
