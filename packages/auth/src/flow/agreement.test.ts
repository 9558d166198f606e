import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { removeMember } from '../domain/organisation-members.ts'
import type { ShownPage, TestBrowser } from '../testing/browser.ts'
import { type OrganisationSite, startOrganisations } from '../testing/organisations.ts'
import { claimsOf } from '../testing/start-auth.ts'

let site: OrganisationSite
let browser: TestBrowser
beforeEach(async () => {
  site = await startOrganisations({ web: { permissions: noPermissions } })
  for (const slug of ['acme', 'globex']) await site.addOrganisation(slug, { bob: 'clerk' })
  browser = await site.browserOf('bob')
})
afterEach(() => site.started.close())

const allow = (page: ShownPage, by = browser): Promise<ShownPage> => by.submit(page, { decision: 'allow' })
const silently = (organization: string): Promise<ShownPage> => site.authorize(browser, { organization, prompt: 'none' })
const idOf = async (slug: string): Promise<string> =>
  (await site.started.store.organisations.findBySlug(slug))?.id ?? ''
const agreeFor = async (organization: string): Promise<string> => {
  const { body } = await site.exchange(await allow(await site.authorize(browser, { organization })))
  return body.access_token ?? ''
}

describe('what somebody has agreed to in the name of an organisation', () => {
  it('is not agreed to for another, which is asked about anew', async () => {
    expect(claimsOf(await agreeFor('acme')).org).toBe(await idOf('acme'))
    expect((await silently('acme')).callback.has('code')).toBe(true)
    const silent = await silently('globex')
    expect(silent.callback.get('error')).toBe('consent_required')
    const asked = await site.authorize(browser, { organization: 'globex' })
    expect(asked.has('allow')).toBe(true)
    expect(asked.text).toContain('The globex &amp; Co')
    expect(claimsOf(await agreeFor('globex')).org).toBe(await idOf('globex'))
    for (const organisation of ['acme', 'globex']) {
      expect((await silently(organisation)).callback.has('code')).toBe(true)
    }
  })

  it('is not what they agree to in their own name, from before there was a difference', async () => {
    const person = await site.addPerson('erin')
    browser = await site.browserOf('erin')
    await allow(await site.authorize(browser, { scope: 'openid' }))
    expect((await site.authorize(browser, { scope: 'openid', prompt: 'none' })).callback.has('code')).toBe(true)
    const rows = await site.started.store.consents.listByUser(person.id)
    expect(rows).toMatchObject([{ client_id: 'web', organisation_id: null }])
    await site.addMember(await idOf('acme'), 'erin', 'clerk')
    const silent = await site.authorize(browser, { scope: 'openid', prompt: 'none' })
    expect(silent.callback.get('error')).toBe('consent_required')
  })

  it('is shown with the rest of the application, and taken back with it', async () => {
    const tokens = [await agreeFor('acme'), await agreeFor('globex')]
    const page = await browser.get('/account/applications')
    expect(page.text.match(/data-client="web"/g)).toHaveLength(1)
    expect(page.text).toContain('orders:read')
    await browser.submit(page, {})
    for (const token of tokens) expect(await site.isValid(token)).toBe(false)
    for (const organisation of ['acme', 'globex']) {
      expect((await silently(organisation)).callback.get('error')).toBe('consent_required')
    }
  })

  it('ends with the membership', async () => {
    await agreeFor('acme')
    const { id } = await site.addPerson('bob')
    const of = {
      organisation: (await site.started.store.organisations.findBySlug('acme'))?.id,
      member: id,
    } as Parameters<typeof removeMember>[1] // of one that was added above
    await removeMember(site.members, of, 'operator', { actor: 'test' })
    await site.addMember(of.organisation, 'bob', 'clerk')
    expect((await silently('acme')).callback.get('error')).toBe('consent_required')
  })
})
