import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inviteMember } from '../domain/organisation-invitations.ts'
import { changeRoles, removeMember } from '../domain/organisation-members.ts'
import { setOrganisationStatus } from '../domain/organisations.ts'
import { getEmail, setUserStatus } from '../domain/users.ts'
import type { ShownPage, TestBrowser } from '../testing/browser.ts'
import { inviteByOperator } from '../testing/invite-by-operator.ts'
import { type OrganisationSite, startOrganisations, testPolicy } from '../testing/organisations.ts'
import { claimsOf, goodPassword } from '../testing/start-auth.ts'

let site: OrganisationSite
let acme: string
beforeEach(async () => {
  site = await startOrganisations()
  acme = (await site.addOrganisation('acme', { carol: 'admin', dave: 'clerk auditor' })).id
  await site.addOrganisation('globex', { dave: 'clerk' })
})
afterEach(() => site.started.close())

const members = (browser: TestBrowser): Promise<ShownPage> =>
  browser.get(`/account/organisations/members?organisation=${acme}`)
const memberOf = async (name: string) => {
  const { id } = await site.addPerson(name)
  const { memberships } = site.started.store
  return memberships.find({ organisation_id: acme as never, user_id: id })
}
/** The fields that every form of the page has. */
const fieldsOf = (page: ShownPage) => ({ flow: page.form.fields.flow ?? '', organisation: acme })
const setRoles = async (browser: TestBrowser, name: string, roles: readonly string[]): Promise<ShownPage> => {
  const { user_id = '', version = '' } = (await memberOf(name)) ?? {}
  const page = await members(browser)
  const form = new URLSearchParams({ ...fieldsOf(page), member: user_id, version })
  for (const role of roles) form.append('role', role)
  return browser.post('/account/organisations/members/roles', form)
}
const remove = async (browser: TestBrowser, name: string): Promise<ShownPage> => {
  const { id } = await site.addPerson(name)
  return browser.post('/account/organisations/members/remove', { ...fieldsOf(await members(browser)), member: id })
}
const post = async (browser: TestBrowser, action: string, organisation: string): Promise<ShownPage> => {
  const { form } = await browser.get('/account/organisations')
  return browser.post(`/account/organisations/${action}`, { flow: form.fields.flow ?? '', organisation })
}
const tokensOf = async (name: string, organization = 'acme') => {
  const { body } = await site.exchange(await site.authorize(await site.browserOf(name), { organization }))
  return body
}
const eventTypes = async (): Promise<readonly string[]> =>
  (await site.started.store.audit.list({ limit: 200 })).map(({ type }) => type)

describe('one’s own organisations', () => {
  it('are listed with one’s roles, and lead to the members of those that one looks after', async () => {
    const carol = await (await site.browserOf('carol')).get('/account/organisations')
    expect(carol.text).toContain('data-organisation="acme"')
    expect(carol.has('members-acme')).toBe(true)
    expect(carol.has('pick-acme')).toBe(false)
    const dave = await (await site.browserOf('dave')).get('/account/organisations')
    expect(dave.text).toContain('clerk auditor')
    expect(dave.has('members-acme')).toBe(false)
    expect(dave.has('pick-globex')).toBe(true)
    await site.addPerson('erin')
    expect((await (await site.browserOf('erin')).get('/account/organisations')).has('no-organisations')).toBe(true)
  })

  it('are in the account’s navigation, unless there are none', async () => {
    const browser = await site.browserOf('carol')
    expect((await browser.get('/account')).text).toContain('href="/account/organisations"')
    const { started } = site
    started.auth.replaceSettings({ ...started.settings, organisations: undefined })
    expect((await browser.get('/account')).text).not.toContain('href="/account/organisations"')
  })

  it('can be picked, for what is asked for next', async () => {
    const browser = await site.browserOf('dave')
    expect((await post(browser, 'pick', acme)).has('picked')).toBe(true)
    const { body } = await site.exchange(await site.authorize(browser))
    expect(claimsOf(body.access_token ?? '').org).toBe(acme)
    expect(await eventTypes()).toContain('organisation_picked')
  })

  it('can be left, with everything that is done in their name, and nothing else', async () => {
    const inAcme = await tokensOf('dave')
    const inGlobex = await tokensOf('dave', 'globex')
    const api = (await site.login('dave', { organization: 'acme' })).body
    await post(await site.browserOf('dave'), 'leave', acme)
    expect(await memberOf('dave')).toBeUndefined()
    for (const { access_token } of [inAcme, api]) expect(await site.isValid(access_token)).toBe(false)
    expect((await site.refresh(inAcme.refresh_token)).body.error).toBe('invalid_grant')
    const again = await site.started.postJson('/token/refresh', { refresh_token: api.refresh_token })
    expect(again.status).toBe(400)
    expect(await site.isValid(inGlobex.access_token)).toBe(true)
    expect((await site.refresh(inGlobex.refresh_token)).status).toBe(200)
    expect(await eventTypes()).toContain('member_left')
  })

  it('cannot be left by the last who looks after them', async () => {
    const browser = await site.browserOf('carol')
    const refused = await post(browser, 'leave', acme)
    expect([refused.status, refused.has('error')]).toEqual([403, true])
    await setRoles(browser, 'dave', ['admin'])
    expect((await post(browser, 'leave', acme)).has('no-organisations')).toBe(true)
  })

  it('ask for a sign-in of the last five minutes before one leaves', async () => {
    const browser = await site.browserOf('dave')
    const { form } = await browser.get('/account/organisations')
    site.started.clock.advance(301)
    const fields = { flow: form.fields.flow ?? '', organisation: acme }
    expect((await browser.post('/account/organisations/leave', fields)).has('password')).toBe(true)
    expect(await memberOf('dave')).toBeDefined()
  })
})

describe('the members of an organisation', () => {
  it('are listed page by page, with whoever cannot sign in', async () => {
    for (let index = 10; index < 62; index += 1) {
      const user = await site.addPerson(`m${index}`)
      const key = { organisation_id: acme as never, user_id: user.id }
      await site.started.store.memberships.insert({ ...key, roles: '', version: 'v', created_at: user.created_at })
    }
    const browser = await site.browserOf('carol')
    const page = await members(browser)
    expect(page.text.match(/data-member=/g)).toHaveLength(50)
    const next = /id="more-members" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    expect((await browser.get(next)).text.match(/data-member=/g)).toHaveLength(4)
  })

  it('get and lose roles that administrators may give, and keep the others', async () => {
    const browser = await site.browserOf('carol')
    const page = await members(browser)
    expect(page.text).toContain('Sees &lt;orders&gt;')
    expect(page.text).toContain('auditor')
    expect(page.text).not.toContain('value="auditor"')
    await setRoles(browser, 'dave', ['admin'])
    expect((await memberOf('dave'))?.roles).toBe('auditor admin')
    await setRoles(browser, 'dave', [])
    expect((await memberOf('dave'))?.roles).toBe('auditor')
    const changes = (await site.started.store.audit.list({ limit: 200 })).filter(
      ({ type }) => type === 'member_roles_changed',
    )
    expect(changes.map(({ detail }) => JSON.parse(detail))).toEqual([
      { organisation: acme, before: 'auditor admin', after: 'auditor' },
      { organisation: acme, before: 'clerk auditor', after: 'auditor admin' },
    ])
  })

  it('lose what they do in its name with a role, at once, and keep it with a role more', async () => {
    const browser = await site.browserOf('carol')
    const first = await tokensOf('dave')
    await setRoles(browser, 'dave', ['clerk', 'admin'])
    expect(await site.isValid(first.access_token)).toBe(true)
    const second = await tokensOf('dave')
    await setRoles(browser, 'dave', ['admin'])
    for (const { access_token, refresh_token } of [first, second]) {
      expect(await site.isValid(access_token)).toBe(false)
      expect((await site.refresh(refresh_token)).body.error).toBe('invalid_grant')
    }
    expect((await tokensOf('dave')).scope).toBe('openid offline_access audit:read')
  })

  it('are removed, and whoever has given up the role has no business there any more', async () => {
    const browser = await site.browserOf('carol')
    const tokens = await tokensOf('dave')
    expect((await remove(browser, 'dave')).text).not.toContain('>dave')
    expect(await site.isValid(tokens.access_token)).toBe(false)
    expect((await remove(browser, 'carol')).status).toBe(403)
    await site.addMember(acme, 'erin', 'admin')
    const shown = await setRoles(browser, 'carol', [])
    expect(shown.url).toBe(`${site.started.url}/account/organisations`)
    expect((await members(browser)).status).toBe(404)
  })

  it('are signed out by it where they have picked the organisation, and nowhere else', async () => {
    const [inAcme, inGlobex] = [await site.browserOf('dave'), await site.browserOf('dave')]
    await post(inAcme, 'pick', acme)
    await site.login('dave', { organization: 'acme' })
    const { id } = await site.addPerson('dave')
    const of = { organisation: acme as never, member: id }
    await removeMember(site.members, of, 'operator', { actor: 'test' })
    expect((await inAcme.get('/account')).has('password')).toBe(true)
    expect((await inGlobex.get('/account')).has('username')).toBe(true)
    expect(await site.started.store.sessions.listByUser(id)).toHaveLength(1)
  })

  it('are not changed by a page that is older than another change', async () => {
    const browser = await site.browserOf('carol')
    const { user_id = '', version = '' } = (await memberOf('dave')) ?? {}
    const old = { ...fieldsOf(await members(browser)), member: user_id, version, role: 'admin' }
    await setRoles(browser, 'dave', ['clerk'])
    const refused = await browser.post('/account/organisations/members/roles', old)
    expect([refused.status, refused.has('error')]).toEqual([400, true])
    expect((await memberOf('dave'))?.roles).toBe('auditor clerk')
  })

  it('do not all leave at once', async () => {
    await setRoles(await site.browserOf('carol'), 'dave', ['admin'])
    const leave = async (name: string) => {
      const { id } = await site.addPerson(name)
      const of = { organisation: acme as never, member: id }
      return removeMember(site.members, of, { user: id }, { actor: id }).then(
        () => 'left',
        (error: { code: string }) => error.code,
      )
    }
    expect((await Promise.all([leave('carol'), leave('dave')])).sort()).toEqual(['forbidden', 'left'])
  })
})

describe('what was prepared before a change', () => {
  const prepare = async () => site.authorize(await site.browserOf('dave'), { organization: 'acme' })

  it('starts no more after it: a code', async () => {
    const dave = await memberOf('dave')
    const of = { organisation: acme as never, member: dave?.user_id as never }
    const before = await prepare()
    await changeRoles(site.members, { ...of, roles: ['clerk', 'auditor', 'admin'] }, 'operator', { actor: 'test' })
    expect((await site.exchange(before)).body.error).toBe('invalid_grant')
    const next = await prepare()
    await removeMember(site.members, of, 'operator', { actor: 'test' })
    expect((await site.exchange(next)).body.error).toBe('invalid_grant')
  })

  it('is nothing to a membership that begins anew', async () => {
    const of = { organisation: acme as never, member: (await site.addPerson('dave')).id }
    const before = await prepare()
    await removeMember(site.members, of, 'operator', { actor: 'test' })
    await site.invite(acme as never, 'dave@example.com')
    const { store } = site.started
    const key = { organisation_id: of.organisation, user_id: of.member }
    await store.memberships.insert({ ...key, roles: '', version: 'new', created_at: 0 as never })
    expect((await site.exchange(before)).body.error).toBe('invalid_grant')
  })
})

describe('an organisation that is disabled', () => {
  it('is nobody’s to act for, and everything in its name ends; enabled, it can begin anew', async () => {
    const tokens = await tokensOf('dave')
    const code = await site.authorize(await site.browserOf('dave'), { organization: 'acme' })
    const set = (status: 'active' | 'disabled') =>
      setOrganisationStatus(site.members, { id: acme as never, status }, { actor: 'test' })
    await set('disabled')
    expect(await site.isValid(tokens.access_token)).toBe(false)
    expect((await site.exchange(code)).body.error).toBe('invalid_grant')
    expect((await site.login('dave', { organization: 'acme' })).body.error).toBe('access_denied')
    expect((await members(await site.browserOf('carol'))).status).toBe(404)
    await set('active')
    expect((await tokensOf('dave')).access_token).toBeDefined()
  })

  it('gives nothing more to those whose turn has not come when the command is stopped; run again, it ends the rest', async () => {
    const tokens = await tokensOf('dave')
    const code = await site.authorize(await site.browserOf('dave'), { organization: 'acme' })
    const { store } = site.started
    const memberships = { ...store.memberships, listMembers: () => Promise.reject(new Error('stopped')) }
    const disable = (dependencies: typeof site.members) =>
      setOrganisationStatus(dependencies, { id: acme as never, status: 'disabled' }, { actor: 'test' })
    await expect(disable({ ...site.members, store: { ...store, memberships } })).rejects.toThrow('stopped')
    expect((await site.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant')
    expect((await site.exchange(code)).body.error).toBe('invalid_grant')
    expect(await site.isValid(tokens.access_token)).toBe(true)
    await disable(site.members)
    expect(await site.isValid(tokens.access_token)).toBe(false)
  })
})

describe('invitations', () => {
  const invite = async (browser: TestBrowser, email: string, role?: string): Promise<ShownPage> =>
    browser.post('/account/organisations/invite', {
      ...fieldsOf(await members(browser)),
      email,
      ...(role ? { role } : {}),
    })

  it('are sent to so many strangers and no more, also where each is taken back', async () => {
    await site.started.close()
    site = await startOrganisations({ mailRequestLimit: 2 })
    acme = (await site.addOrganisation('acme', { carol: 'admin' })).id
    const browser = await site.browserOf('carol')
    const statuses: number[] = []
    for (const name of ['a', 'b', 'c']) {
      statuses.push((await invite(browser, `${name}@example.com`)).status)
      const fields = { ...fieldsOf(await members(browser)), email: `${name}@example.com` }
      await browser.post('/account/organisations/invitations/withdraw', fields)
    }
    expect(statuses).toEqual([200, 200, 429])
  })

  it('are listed until they are answered or withdrawn, and are nothing but an address', async () => {
    const browser = await site.browserOf('carol')
    const page = await invite(browser, 'Erin@Example.com', 'clerk')
    expect(page.text).toContain('data-invitation="erin@example.com"')
    expect((await invite(browser, 'no address')).status).toBe(400)
    const withdrawn = await browser.post('/account/organisations/invitations/withdraw', {
      ...fieldsOf(page),
      email: 'erin@example.com',
    })
    expect(withdrawn.text).not.toContain('data-invitation=')
    expect(await eventTypes()).toEqual(expect.arrayContaining(['member_invited', 'invitation_withdrawn']))
  })

  it('are worth nothing once whoever has sent them is disabled', async () => {
    await invite(await site.browserOf('carol'), 'erin@example.com', 'admin')
    const { store, clock, auth } = site.started
    const { id } = await site.addPerson('carol')
    await setUserStatus({ store, clock, revocations: auth.revocations }, { id, status: 'disabled' }, { actor: 'test' })
    expect(await store.organisationInvitations.count(acme as never, clock.now())).toBe(0)
  })

  it('are mailed: who invites, and a link on the issuer’s host', async () => {
    await invite(await site.browserOf('carol'), 'Erin@example.com')
    const [mail] = await site.started.auth.outbox.listNewest(5)
    expect(mail).toMatchObject({ kind: 'organisation_invitation', to: 'Erin@example.com' })
    expect(mail?.subject).toContain('The acme & Co')
    expect(mail?.html).toContain('The acme &amp; Co')
    expect(mail?.text).toMatch(/https:\/\/auth\.example\.com\/join\?token=ghj_[\w-]{43}\n/)
    expect(mail?.text).toContain('within 7 days')
  })

  it('are nobody’s to send where no mail can be sent', async () => {
    const { started } = site
    await started.close()
    site = await startOrganisations({ mail: { inbox: false } })
    acme = (await site.addOrganisation('acme', { carol: 'admin' })).id
    const browser = await site.browserOf('carol')
    expect((await members(browser)).has('invite')).toBe(false)
    expect((await invite(browser, 'erin@example.com')).status).toBe(404)
  })

  it('are a hundred at a time', async () => {
    for (let index = 0; index < 100; index += 1) await site.invite(acme as never, `p${index}@example.com`)
    expect((await invite(await site.browserOf('carol'), 'one.more@example.com')).status).toBe(429)
  })

  it('are answered after signing in, once, and give the roles', async () => {
    await site.addPerson('erin')
    const link = await site.invite(acme as never, 'ERIN@example.com', ['clerk'])
    const browser = site.newBrowser()
    const page = await browser.get(link)
    expect(page.url).not.toContain('ghj_')
    expect(page.text).toContain('The acme &amp; Co')
    const signIn = await browser.get(/id="sign-in-to-join"[^>]*href="([^"]+)"/.exec(page.text)?.[1] ?? '')
    const back = await browser.signIn(signIn, 'erin', goodPassword)
    expect(back.has('join')).toBe(true)
    expect((await browser.submit(back, {})).text).toContain('data-organisation="acme"')
    expect(await memberOf('erin')).toMatchObject({ roles: 'clerk' })
    expect(await eventTypes()).toContain('member_joined')
    expect((await browser.get(link)).has('invitation-gone')).toBe(true)
    expect((await browser.submit(back, {})).status).toBe(404)
  })

  it.each(['invitation', 'open'] as const)('lead who has no account to one, and back: %s', async (signUp) => {
    await site.started.close()
    site = await startOrganisations({ signUp })
    acme = (await site.addOrganisation('acme', { carol: 'admin' })).id
    const browser = site.newBrowser()
    const page = await browser.get(await site.invite(acme as never, 'New@example.com', ['clerk']))
    expect(page.has('sign-in-to-join')).toBe(true)
    const choose = await browser.post('/join/account', { flow: new URL(page.url).searchParams.get('flow') ?? '' })
    expect(choose.text).toContain('new@example.com')
    const back = await browser.submit(choose, { password: 'a long new passphrase' })
    expect(back.has('join')).toBe(true)
    expect((await browser.submit(back, {})).text).toContain('data-organisation="acme"')
    const user = await site.started.store.users.findByCanonicalName('new@example.com')
    expect(user).toMatchObject({ email_canonical: 'new@example.com', scopes: '', roles: '' })
  })

  it('lead to no account any more once they are withdrawn, however far somebody has come', async () => {
    const { started } = site
    const browser = site.newBrowser()
    const page = await browser.get(await site.invite(acme as never, 'new@example.com', ['clerk']))
    const choose = await browser.post('/join/account', { flow: new URL(page.url).searchParams.get('flow') ?? '' })
    expect(choose.text).toContain('new@example.com')
    await site.withdraw(acme as never, 'new@example.com')
    expect((await browser.submit(choose, { password: 'a long new passphrase' })).has('link-gone')).toBe(true)
    expect((await browser.get(choose.url)).has('link-gone')).toBe(true)
    expect(await started.store.users.findByCanonicalName('new@example.com')).toBeUndefined()
  })

  it('lead to no account that is opened while they are withdrawn', async () => {
    const { auth, store } = site.started
    const browser = site.newBrowser()
    const page = await browser.get(await site.invite(acme as never, 'new@example.com'))
    const choose = await browser.post('/join/account', { flow: new URL(page.url).searchParams.get('flow') ?? '' })
    const { hash } = auth.passwords
    auth.passwords.hash = async (password) => {
      await site.withdraw(acme as never, 'new@example.com')
      return hash.call(auth.passwords, password)
    }
    expect((await browser.submit(choose, { password: 'a long new passphrase' })).has('link-gone')).toBe(true)
    expect(await store.users.findByCanonicalName('new@example.com')).toBeUndefined()
  })

  it('take the place of no invitation by the operator, nor of one into another organisation', async () => {
    const { store } = site.started
    const other = (await site.addOrganisation('other')).id
    await inviteByOperator(site.started, { email: 'new@example.com', roles: ['clerk'] })
    const [mail] = await site.started.auth.outbox.listNewest(1)
    const invited = /https:\S+/.exec(mail?.text ?? '')?.[0] ?? ''
    const browser = site.newBrowser()
    const pages: ShownPage[] = []
    for (const organisation of [acme, other]) {
      const page = await browser.get(await site.invite(organisation as never, 'new@example.com'))
      pages.push(await browser.post('/join/account', { flow: new URL(page.url).searchParams.get('flow') ?? '' }))
    }
    for (const page of [await browser.get(invited), ...pages]) expect(page.has('password')).toBe(true)
    await browser.submit(await browser.get(invited), { password: 'a long new passphrase' })
    expect(await store.users.findByCanonicalName('new@example.com')).toMatchObject({ roles: 'clerk' })
  })

  it('lead to no account where nobody can have one, or where there is one', async () => {
    const flowOf = (page: ShownPage) => ({ flow: new URL(page.url).searchParams.get('flow') ?? '' })
    await site.started.close()
    site = await startOrganisations({ signUp: 'off' })
    const browser = site.newBrowser()
    const page = await browser.get(await site.invite((await site.addOrganisation('acme')).id, 'new@example.com'))
    expect(page.has('sign-up-to-join')).toBe(false)
    expect((await browser.post('/join/account', flowOf(page))).has('invitation-gone')).toBe(true)
    await site.started.close()
    site = await startOrganisations({ signUp: 'open' })
    await site.addPerson('dave')
    const { id } = await site.addOrganisation('acme')
    const other = site.newBrowser()
    const known = await other.get(await site.invite(id, 'dave@example.com'))
    expect(known.has('sign-up-to-join')).toBe(false)
    expect((await other.post('/join/account', flowOf(known))).has('password')).toBe(true)
  })

  it('bring no role that administrators may not give any more, of theirs; and of the operator’s still', async () => {
    const { store, auth, settings } = site.started
    const carol = await store.users.findByCanonicalName('carol')
    const invited = { address: getEmail('erin@example.com'), roles: ['clerk'] }
    const parts = { ...site.members, queueMail: async () => {} }
    const own = await inviteMember(
      parts,
      { ...invited, organisation: acme as never },
      { user: carol?.id as never },
      { actor: 'test' },
    )
    const globex = (await store.organisations.findBySlug('globex'))?.id as never
    const operators = await site.invite(globex, 'erin@example.com', ['clerk'])
    const givableRoles = new Map([['admin', '']])
    auth.replaceSettings({ ...settings, organisations: { ...testPolicy, givableRoles } })
    await site.addPerson('erin')
    const browser = await site.browserOf('erin')
    for (const link of [own.link, operators]) await browser.submit(await browser.get(link), {})
    expect((await memberOf('erin'))?.roles).toBe('')
    const { id } = await site.addPerson('erin')
    expect(await store.memberships.find({ organisation_id: globex, user_id: id })).toMatchObject({ roles: 'clerk' })
  })

  it('leave a member as they are', async () => {
    const link = await site.invite(acme as never, 'dave@example.com', ['admin'])
    const browser = await site.browserOf('dave')
    await browser.submit(await browser.get(link), {})
    expect(await memberOf('dave')).toMatchObject({ roles: 'clerk auditor' })
    expect((await browser.get(link)).has('invitation-gone')).toBe(true)
  })
})
