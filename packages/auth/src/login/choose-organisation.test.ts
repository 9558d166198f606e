import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import type { ShownPage, TestBrowser } from '../testing/browser.ts'
import { type OrganisationSite, startOrganisations } from '../testing/organisations.ts'
import { claimsOf, goodPassword } from '../testing/start-auth.ts'

let site: OrganisationSite
const start = async (...options: Parameters<typeof startOrganisations>): Promise<void> => {
  site = await startOrganisations(...options)
  await site.addOrganisation('acme', { carol: 'clerk', dave: 'auditor' })
  await site.addOrganisation('globex', { carol: 'auditor' })
  await site.addPerson('erin')
}
beforeEach(() => start())
afterEach(() => site.started.close())

const idOf = async (slug: string): Promise<string> =>
  (await site.started.store.organisations.findBySlug(slug))?.id ?? ''
const pick = async (browser: TestBrowser, page: ShownPage, slug: string): Promise<ShownPage> =>
  browser.submit(page, { organisation: await idOf(slug) })
const isAsked = (page: ShownPage): boolean => page.has('choose-organisation')
const tokensOf = async (page: ShownPage) => claimsOf((await site.exchange(page)).body.access_token ?? '')

describe('an authorization request', () => {
  it('asks who belongs to several organisations, and gives the roles and scopes that they have in the one', async () => {
    const browser = await site.browserOf('carol')
    const page = await site.authorize(browser)
    expect(isAsked(page)).toBe(true)
    expect(page.text).toContain('The acme &amp; Co')
    const inAcme = await tokensOf(await pick(browser, page, 'acme'))
    expect(inAcme).toMatchObject({ org: await idOf('acme'), scope: 'openid offline_access orders:read' })
    expect(inAcme.roles).toBeUndefined()
    const inGlobex = await site.authorize(browser, { organization: 'globex', scope: 'openid audit:read roles' })
    expect(await tokensOf(inGlobex)).toMatchObject({
      org: await idOf('globex'),
      scope: 'openid audit:read roles',
      roles: ['auditor'],
    })
  })

  it('asks once for a sign-in, and anew after the next', async () => {
    const browser = await site.browserOf('carol')
    await pick(browser, await site.authorize(browser), 'globex')
    expect(await tokensOf(await site.authorize(browser))).toMatchObject({ org: await idOf('globex') })
    const signIn = await site.authorize(browser, { prompt: 'select_account' })
    expect(isAsked(await browser.signIn(signIn, 'carol', goodPassword))).toBe(true)
  })

  it('asks nobody who belongs to one, or to none', async () => {
    expect(await tokensOf(await site.authorize(await site.browserOf('dave')))).toMatchObject({
      org: await idOf('acme'),
      scope: 'openid offline_access audit:read',
    })
    const inNone = await tokensOf(await site.authorize(await site.browserOf('erin'), { scope: 'openid' }))
    expect(inNone).not.toHaveProperty('org')
  })

  it('takes the parameter organization, by id and by slug, also pushed', async () => {
    const browser = await site.browserOf('carol')
    const org = await idOf('acme')
    for (const organization of ['acme', org]) {
      expect(await tokensOf(await site.authorize(browser, { organization }))).toMatchObject({ org })
    }
    const request_uri = await site.push({ organization: 'acme' })
    expect(await tokensOf(await site.authorize(browser, { request_uri }))).toMatchObject({ org })
  })

  it('fails alike for an organisation that the user does not belong to, and for one that there is not', async () => {
    const browser = await site.browserOf('dave')
    // The id is another one each time, whatever is answered.
    const refused = async (organization: string) => {
      const { request_id: id, ...rest } = Object.fromEntries((await site.authorize(browser, { organization })).callback)
      expect(id).toMatch(/^req_/)
      return rest
    }
    const foreign = await refused('globex')
    expect(foreign).toMatchObject({ error: 'access_denied', state: 'st' })
    for (const name of ['nothing-of-that-name', await idOf('globex'), 'org_xxxxxxxxxxxxxxxxxxxxxx', "' or 1=1 --"]) {
      expect(await refused(name)).toEqual(foreign)
    }
  })

  it('fails where nobody may be asked', async () => {
    const answer = await site.authorize(await site.browserOf('carol'), { prompt: 'none' })
    expect(answer.callback.get('error')).toBe('interaction_required')
  })

  it('knows no organisation that is disabled, and none where they are switched off', async () => {
    const browser = await site.browserOf('carol')
    const { started } = site
    await started.store.organisations.setStatus((await idOf('globex')) as never, 'disabled')
    expect(await tokensOf(await site.authorize(browser))).toMatchObject({ org: await idOf('acme') })
    started.auth.replaceSettings({ ...started.settings, organisations: undefined })
    const claims = await tokensOf(await site.authorize(browser, { scope: 'openid' }))
    expect(claims).not.toHaveProperty('org')
    expect((await browser.get('/account/organisations')).status).toBe(404)
  })
})

describe('the page that asks', () => {
  it('counts only for whoever looks at it, and only for what they belong to', async () => {
    const browser = await site.browserOf('carol')
    const page = await site.authorize(browser)
    const { id } = await site.addOrganisation('initech')
    expect((await browser.submit(page, { organisation: id })).status).toBe(404)
    expect((await browser.submit(page, { organisation: 'acme' })).status).toBe(404)
    const before = await site.authorize(browser)
    await browser.signIn(await browser.get('/login'), 'dave', goodPassword)
    const after = await pick(browser, before, 'acme')
    expect(isAsked(after)).toBe(false)
    expect((await tokensOf(after)).scope).toBe('openid offline_access audit:read')
  })

  it('takes no form of another site, and asks for a sign-in where that has ended', async () => {
    const browser = await site.browserOf('carol')
    const page = await site.authorize(browser)
    const { action, fields } = page.form
    const form = { ...fields, organisation: await idOf('acme') }
    expect((await browser.post(action, form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    browser.cookies.delete('__Host-gatehouse_session')
    expect((await browser.post(action, form)).has('password')).toBe(true)
    expect((await site.newBrowser().post(action, form)).status).toBe(404)
  })
})

describe('consent', () => {
  beforeEach(async () => {
    await site.started.close()
    await start({ web: { permissions: noPermissions } })
  })

  it('says for which organisation, and counts for no other', async () => {
    const browser = await site.browserOf('carol')
    const consent = await pick(browser, await site.authorize(browser), 'acme')
    expect(consent.text).toContain('<strong id="organisation">The acme &amp; Co</strong>')
    const list = await browser.get('/account/organisations')
    await browser.post('/account/organisations/pick', { ...list.form.fields, organisation: await idOf('globex') })
    const again = await browser.submit(consent, { decision: 'allow' })
    expect(again.has('allow')).toBe(true)
    expect(again.text).toContain('data-scope="audit:read"')
    expect(again.text).not.toContain('data-scope="orders:read"')
    expect(await tokensOf(await browser.submit(again, { decision: 'allow' }))).toMatchObject({
      org: await idOf('globex'),
      scope: 'openid offline_access audit:read',
    })
  })
})

describe('a device', () => {
  it('is let in for the organisation that its user picks', async () => {
    await site.started.close()
    const grantTypes = ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] as const
    await start({ clients: [{ id: 'tv', authMethod: 'none', secret: undefined, grantTypes }] })
    const begun = await site.started.postForm('/oauth/device', { client_id: 'tv', scope: 'openid orders:read' })
    const { user_code = '', device_code = '' } = (await begun.json()) as Record<string, string>
    const browser = await site.browserOf('carol')
    const page = await browser.submit(await browser.get('/device'), { user_code })
    expect(isAsked(page)).toBe(true)
    const consent = await pick(browser, page, 'acme')
    await browser.submit(consent, { decision: 'allow' })
    const form = { grant_type: grantTypes[0], client_id: 'tv', device_code }
    const tokens = (await (await site.started.postForm('/oauth/token', form)).json()) as Record<string, string>
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({ org: await idOf('acme'), scope: 'openid orders:read' })
  })
})

describe('what a client is told of the organisation', () => {
  it('stands in the ID token and in userinfo where the scope organization was granted', async () => {
    const browser = await site.browserOf('carol')
    const scope = 'openid organization roles'
    const { body } = await site.exchange(await site.authorize(browser, { organization: 'acme', scope }))
    expect(claimsOf(body.id_token ?? '')).toMatchObject({ org: await idOf('acme') })
    const userinfo = await fetch(`${site.started.url}/oauth/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(await userinfo.json()).toMatchObject({
      org: await idOf('acme'),
      org_name: 'The acme & Co',
      roles: ['clerk'],
    })
    const without = (await site.exchange(await site.authorize(browser, { organization: 'acme', scope: 'openid' }))).body
    expect(claimsOf(without.id_token ?? '')).not.toHaveProperty('org')
  })
})

describe('POST /login', () => {
  it('takes the organisation, and lists those to pick from where none is said', async () => {
    const { status, body } = await site.login('carol')
    expect([status, body.error]).toEqual([400, 'interaction_required'])
    expect(body.organizations).toEqual([
      { id: await idOf('acme'), slug: 'acme', name: 'The acme & Co' },
      { id: await idOf('globex'), slug: 'globex', name: 'The globex & Co' },
    ])
    const tokens = (await site.login('carol', { organization: 'globex' })).body
    expect(claimsOf(tokens.access_token ?? '')).toMatchObject({
      org: await idOf('globex'),
      scope: 'audit:read',
      roles: ['auditor'],
    })
    const refreshed = await site.started.postJson('/token/refresh', { refresh_token: tokens.refresh_token })
    const { access_token = '' } = (await refreshed.json()) as Record<string, string>
    expect(claimsOf(access_token)).toMatchObject({ org: await idOf('globex'), roles: ['auditor'] })
    expect(claimsOf((await site.login('dave')).body.access_token ?? '').org).toBe(await idOf('acme'))
  })

  it('says nothing of organisations to who has not proven the password, nor of those of others', async () => {
    const wrong = await site.login('carol', { password: 'wrong' })
    expect(wrong.body).toMatchObject({ error: 'invalid_credentials' })
    expect(wrong.body).not.toHaveProperty('organizations')
    const refused = async (organization: string) => {
      const { status, body } = await site.login('dave', { organization })
      return { status, ...body, request_id: undefined }
    }
    expect(await refused('globex')).toMatchObject({ status: 400, error: 'access_denied' })
    expect(await refused('globex')).toEqual(await refused('none'))
  })
})
