import type { ShownPage, TestBrowser } from '@gatehouse/auth/testing/browser'
import { type OrganisationSite, startOrganisations } from '@gatehouse/auth/testing/organisations'
import { claimsOf, goodPassword } from '@gatehouse/auth/testing/start-auth'
import type { OrganisationId } from '@gatehouse/core/brand'
import { newUserId } from '@gatehouse/core/random'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/**
 * Attacks from within: whoever looks after one organisation reaches into another, rises by their own hand, goes on after they
 * were removed, or comes by an invitation that is not theirs. acme is mallory's, globex is victor's.
 */

let site: OrganisationSite
let acme: OrganisationId
let globex: OrganisationId
beforeEach(async () => {
  site = await startOrganisations()
  acme = (await site.addOrganisation('acme', { mallory: 'admin', oscar: 'clerk' })).id
  globex = (await site.addOrganisation('globex', { victor: 'admin', wendy: 'clerk' })).id
})
afterEach(() => site.started.close())

const idOf = async (name: string): Promise<string> => (await site.addPerson(name)).id
const versionOf = async (organisation: OrganisationId, name: string): Promise<string> => {
  const { id: user_id } = await site.addPerson(name)
  const row = await site.started.store.memberships.find({ organisation_id: organisation, user_id })
  return row?.version ?? 'none'
}
/** Everything that is kept of organisations. */
const everything = async (): Promise<unknown> => {
  const { store, clock } = site.started
  const page = { now: clock.now(), limit: 100 }
  return Promise.all(
    [acme, globex].map(async (organisation_id) => [
      await store.memberships.listMembers({ organisation_id, limit: 100 }),
      await store.organisationInvitations.list({ organisation_id, ...page }),
    ]),
  )
}
/** A flow of the account's pages in this browser, as every form has it. */
const flowOf = async (browser: TestBrowser): Promise<string> =>
  (await browser.get('/account/organisations')).form.fields.flow ??
  (await browser.get('/account/sessions')).form.fields.flow ??
  ''

/** Every form about an organisation, with what the attacker puts into it. */
const forms: Record<
  string,
  (organisation: string) => Promise<readonly [path: string, fields: Record<string, string>]>
> = {
  'giving oneself a role': async (organisation) => [
    '/account/organisations/members/roles',
    { organisation, member: await idOf('mallory'), version: 'none', role: 'admin' },
  ],
  'taking another’s role': async (organisation) => [
    '/account/organisations/members/roles',
    { organisation, member: await idOf('victor'), version: await versionOf(globex, 'victor') },
  ],
  'giving another’s member a role': async (organisation) => [
    '/account/organisations/members/roles',
    { organisation, member: await idOf('wendy'), version: await versionOf(globex, 'wendy'), role: 'admin' },
  ],
  'removing another’s member': async (organisation) => [
    '/account/organisations/members/remove',
    { organisation, member: await idOf('wendy') },
  ],
  'inviting somebody': async (organisation) => [
    '/account/organisations/invite',
    { organisation, email: 'mallory@example.com', role: 'admin' },
  ],
  'withdrawing an invitation': async (organisation) => [
    '/account/organisations/invitations/withdraw',
    { organisation, email: 'new@example.com' },
  ],
  leaving: async (organisation) => ['/account/organisations/leave', { organisation }],
  'acting for it': async (organisation) => ['/account/organisations/pick', { organisation }],
}
const send = async (browser: TestBrowser, name: string, organisation: string): Promise<ShownPage> => {
  const [path, fields] = (await forms[name]?.(organisation)) ?? ['', {}]
  return browser.post(path, { flow: await flowOf(browser), ...fields })
}

describe('an administrator of another organisation', () => {
  it.each(Object.keys(forms))(
    'changes nothing, and is told what is told of one that there is not: %s',
    async (name) => {
      await site.invite(globex, 'new@example.com')
      const mallory = await site.browserOf('mallory')
      const before = await everything()
      const refused = await send(mallory, name, globex)
      const unknown = await send(mallory, name, 'org_xxxxxxxxxxxxxxxxxxxxxx')
      expect([refused.status, unknown.status]).toEqual([404, 404])
      const plain = ({ text }: ShownPage) => text.replaceAll(/req_[\w-]+/g, '')
      expect(plain(refused)).toBe(plain(unknown))
      expect(await everything()).toEqual(before)
    },
  )

  it.each(Object.keys(forms))('cannot be reached by who is a member and no more: %s', async (name) => {
    if (name === 'leaving' || name === 'acting for it') return
    await site.invite(globex, 'new@example.com')
    await site.addMember(globex, 'xena', 'clerk auditor')
    const before = await everything()
    expect((await send(await site.browserOf('xena'), name, globex)).status).toBe(404)
    expect(await everything()).toEqual(before)
  })

  it('sees neither members nor invitations', async () => {
    const mallory = await site.browserOf('mallory')
    for (const organisation of [globex, 'globex', 'org_x', "' or 1=1 --", '']) {
      const page = await mallory.get(`/account/organisations/members?organisation=${encodeURIComponent(organisation)}`)
      expect(page.status).toBe(404)
      expect(page.text).not.toContain('wendy')
    }
  })

  it('does not reach a member of another by naming their own organisation (an id in the form against another)', async () => {
    const mallory = await site.browserOf('mallory')
    const before = await everything()
    for (const name of ['taking another’s role', 'giving another’s member a role', 'removing another’s member']) {
      expect((await send(mallory, name, acme)).status).toBe(404)
    }
    expect(await everything()).toEqual(before)
  })

  it('does not change the organisation by fields of the query', async () => {
    const mallory = await site.browserOf('mallory')
    const fields = { flow: await flowOf(mallory), organisation: acme, member: await idOf('wendy') }
    const answer = await mallory.post(`/account/organisations/members/remove?organisation=${globex}`, fields)
    expect(answer.status).toBe(400)
  })

  it('uses no form of another browser, and none from another site', async () => {
    const victor = await site.browserOf('victor')
    const member = { organisation: globex, member: await idOf('wendy') }
    const flow = await flowOf(await site.browserOf('mallory'))
    expect((await victor.post('/account/organisations/members/remove', { flow, ...member })).status).toBe(404)
    const own = { flow: await flowOf(victor), ...member }
    const foreign = await victor.post('/account/organisations/members/remove', own, { 'sec-fetch-site': 'cross-site' })
    expect(foreign.status).toBe(403)
  })
})

describe('rising', () => {
  const roles = async (role: string): Promise<ShownPage> => {
    const mallory = await site.browserOf('mallory')
    const fields = { member: await idOf('oscar'), version: await versionOf(acme, 'oscar'), role }
    return mallory.post('/account/organisations/members/roles', {
      flow: await flowOf(mallory),
      organisation: acme,
      ...fields,
    })
  }

  it.each(['administrator', 'auditor', 'anything', 'clerk administrator', 'ADMIN', 'admin\u00a0'])(
    'gives nobody the role %j, which is not an administrator’s to give',
    async (role) => {
      const before = await everything()
      expect((await roles(role)).status).toBe(400)
      expect(await everything()).toEqual(before)
    },
  )

  it('invites nobody with such a role', async () => {
    const mallory = await site.browserOf('mallory')
    const form = { flow: await flowOf(mallory), organisation: acme, email: 'x@example.com', role: 'administrator' }
    expect((await mallory.post('/account/organisations/invite', form)).status).toBe(400)
    expect(JSON.stringify(await everything())).not.toContain('x@example.com')
  })

  it('brings no role of one organisation into another, nor into none', async () => {
    await site.addMember(globex, 'mallory', 'clerk')
    const mallory = await site.browserOf('mallory')
    const scope = 'openid orders:read audit:read roles'
    const page = await site.authorize(mallory, { organization: 'globex', scope })
    const claims = claimsOf((await site.exchange(page)).body.access_token ?? '')
    expect(claims).toMatchObject({ org: globex, roles: ['clerk'], scope: 'openid orders:read roles' })
  })

  it('needs a sign-in of the last five minutes', async () => {
    const mallory = await site.browserOf('mallory')
    const flow = await flowOf(mallory)
    site.started.clock.advance(301)
    const fields = { flow, organisation: acme, member: await idOf('oscar'), version: await versionOf(acme, 'oscar') }
    const before = await everything()
    const answer = await mallory.post('/account/organisations/members/roles', { ...fields, role: 'admin' })
    expect(answer.has('password')).toBe(true)
    expect(await everything()).toEqual(before)
  })
})

describe('a member who was removed', () => {
  const removeOscar = async (): Promise<void> => {
    const mallory = await site.browserOf('mallory')
    const form = { flow: await flowOf(mallory), organisation: acme, member: await idOf('oscar') }
    expect((await mallory.post('/account/organisations/members/remove', form)).status).toBe(200)
  }

  it('has no token, no refresh, no code and no form any more, at once', async () => {
    await site.addMember(acme, 'oscar2', 'admin')
    const oscar = await site.browserOf('oscar')
    const tokens = (await site.exchange(await site.authorize(oscar))).body
    const api = (await site.login('oscar')).body
    const code = await site.authorize(oscar)
    await removeOscar()
    for (const { access_token } of [tokens, api]) expect(await site.isValid(access_token)).toBe(false)
    expect((await site.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant')
    expect((await site.exchange(code)).body.error).toBe('invalid_grant')
    const again = await site.started.postJson('/token/refresh', { refresh_token: api.refresh_token })
    expect(again.status).toBe(400)
    expect((await site.login('oscar', { organization: 'acme' })).body.error).toBe('access_denied')
    expect((await site.authorize(oscar, { organization: 'acme' })).callback.get('error')).toBe('access_denied')
    const none = claimsOf(
      (await site.exchange(await site.authorize(oscar, { scope: 'openid' }))).body.access_token ?? '',
    )
    expect(none).not.toHaveProperty('org')
  })

  it('does not come back by an invitation that they have sent', async () => {
    await site.addMember(acme, 'oscar', 'admin').catch(() => {})
    const mallory = await site.browserOf('mallory')
    const raise = { member: await idOf('oscar'), version: await versionOf(acme, 'oscar'), role: 'admin' }
    await mallory.post('/account/organisations/members/roles', {
      ...{ flow: await flowOf(mallory), organisation: acme, ...raise },
    })
    const oscar = await site.browserOf('oscar')
    await oscar.post('/account/organisations/invite', {
      ...{ flow: await flowOf(oscar), organisation: acme, email: 'oscars-other@example.com', role: 'admin' },
    })
    expect(JSON.stringify(await everything())).toContain('oscars-other@example.com')
    await removeOscar()
    expect(JSON.stringify(await everything())).not.toContain('oscars-other@example.com')
  })
})

describe('an invitation', () => {
  const accept = async (name: string, link: string): Promise<ShownPage> => {
    const browser = await site.browserOf(name)
    const page = await browser.get(link)
    return browser.post('/join', { flow: new URL(page.url).searchParams.get('flow') ?? '' })
  }
  const isMember = async (name: string): Promise<boolean> => (await versionOf(globex, name)) !== 'none'

  it('is used once, also by two at a time', async () => {
    await site.addPerson('nina')
    const link = await site.invite(globex, 'nina@example.com', ['clerk'])
    const browser = await site.browserOf('nina')
    const pages = [await browser.get(link), await browser.get(link)]
    const answers = await Promise.all(pages.map((page) => browser.submit(page, {})))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404])
    expect(await isMember('nina')).toBe(true)
    expect((await browser.get(link)).has('invitation-gone')).toBe(true)
  })

  it('is nothing to a user of another address, or of one that nobody has confirmed, and stays good', async () => {
    const link = await site.invite(globex, 'nina@example.com', ['admin'])
    const refused = await accept('mallory', link)
    expect([refused.status, refused.has('other-address')]).toEqual([403, true])
    expect(await isMember('mallory')).toBe(false)
    const nina = await site.addPerson('nina')
    const named = { username: 'una', username_canonical: 'una', email: 'una@example.com' }
    const unconfirmed = { ...named, email_canonical: named.email, email_verified_at: null }
    await site.started.store.users.insert({ ...nina, ...unconfirmed, id: newUserId() })
    const una = await site.browserOf('una')
    const page = await una.get(await site.invite(globex, named.email))
    expect([page.has('other-address'), page.has('join')]).toEqual([true, false])
    expect((await accept('nina', link)).status).toBe(200)
    expect(await isMember('nina')).toBe(true)
  })

  it('is worth nothing once it has expired, was withdrawn or sent anew, or the organisation is disabled', async () => {
    await site.addPerson('nina')
    const browser = await site.browserOf('nina')
    const isGood = async (link: string) => !(await browser.get(link)).has('invitation-gone')
    const first = await site.invite(globex, 'nina@example.com')
    const second = await site.invite(globex, 'NINA@example.com')
    expect([await isGood(first), await isGood(second)]).toEqual([false, true])
    const page = await browser.get(second)
    await site.started.store.organisations.setStatus(globex, 'disabled')
    expect(await isGood(second)).toBe(false)
    expect((await browser.submit(page, {})).status).toBe(404)
    await site.started.store.organisations.setStatus(globex, 'active')
    expect(await isGood(second)).toBe(true)
    await site.started.store.organisationInvitations.delete({ organisation_id: globex, email: 'nina@example.com' })
    expect((await browser.submit(page, {})).status).toBe(404)
    const third = await site.invite(globex, 'nina@example.com')
    site.started.clock.advance(604_800)
    expect(await isGood(third)).toBe(false)
    expect(await isMember('nina')).toBe(false)
  })

  it('is used up by no GET, says nothing without its token, and its token stands in no row', async () => {
    await site.addPerson('nina')
    const link = await site.invite(globex, 'nina@example.com')
    const scanner = site.newBrowser()
    for (let opened = 0; opened < 3; opened += 1) expect((await scanner.get(link)).status).toBe(200)
    const token = new URLSearchParams(link.split('?')[1]).get('token') ?? ''
    for (const guess of [`${token}x`, token.slice(0, -1), token.toUpperCase(), 'ghj_', "' or 1=1 --"]) {
      const page = await scanner.get(`/join?token=${encodeURIComponent(guess)}`)
      expect(page.has('invitation-gone')).toBe(true)
      expect(page.text).not.toContain('globex')
    }
    const stored = JSON.stringify([await everything(), await site.started.store.audit.list({ limit: 100 })])
    expect(stored).not.toContain(token)
  })

  it('leads nobody on who has signed in as somebody else since the page was shown', async () => {
    await site.addPerson('nina')
    const browser = await site.browserOf('nina')
    const page = await browser.get(await site.invite(globex, 'nina@example.com'))
    await browser.signIn(await browser.get('/login'), 'mallory', goodPassword)
    expect((await browser.submit(page, {})).has('other-address')).toBe(true)
    expect(await isMember('mallory')).toBe(false)
  })
})

describe('who wants to know which organisations there are', () => {
  it('hears the same of those that there are and of those that there are not', async () => {
    const oscar = await site.browserOf('oscar')
    const answersTo = async (organization: string) => {
      const { status, body } = await site.login('oscar', { organization })
      const answer = await site.authorize(oscar, { organization })
      return [status, { ...body, request_id: '' }, [...answer.callback].filter(([name]) => name !== 'request_id')]
    }
    expect(await answersTo('globex')).toEqual(await answersTo('initech'))
    expect(await answersTo(globex)).toEqual(await answersTo('org_xxxxxxxxxxxxxxxxxxxxxx'))
  })
})
