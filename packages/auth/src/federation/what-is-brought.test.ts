import type { UserRow } from '@gatehouse/store/rows'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inviteMember } from '../domain/organisation-invitations.ts'
import { changeRoles } from '../domain/organisation-members.ts'
import { setOrganisationStatus } from '../domain/organisations.ts'
import { type Actor, getEmail } from '../domain/users.ts'
import { type OrganisationSite, startOrganisations, testPolicy } from '../testing/organisations.ts'
import { issuer } from '../testing/start-auth.ts'
import { compileMapping, type MappedPerson } from './mapping.ts'
import {
  applyWhatIsBrought,
  type Brought,
  type Given,
  mergeRoles,
  nothingGiven,
  takeBackWhatWasBrought,
} from './what-is-brought.ts'

describe('roles that a provider brings', () => {
  it.each([
    ['come', [], [], ['clerk'], ['clerk'], ['clerk']],
    ['stay', ['clerk'], ['clerk'], ['clerk'], ['clerk'], ['clerk']],
    ['go', ['clerk'], ['clerk'], [], [], []],
    ['change', ['clerk'], ['clerk'], ['auditor'], ['auditor'], ['auditor']],
    ['take nothing that was given here', ['clerk'], [], [], ['clerk'], []],
    ['do not make theirs what was given here', ['clerk'], [], ['clerk'], ['clerk'], []],
    ['do not come back once taken away here', [], ['clerk'], [], [], []],
  ])('%s', (_, held, before, now, roles, given) => {
    expect(mergeRoles(held, before, now)).toEqual({ roles, given })
  })
})

const by: Actor = { actor: 'test' }
let site: OrganisationSite
let ann: UserRow
beforeEach(async () => {
  site = await startOrganisations()
  ann = await site.addPerson('ann')
})
afterEach(() => site.started.close())

const brings = (claims: { roles?: string[]; organisation?: string; inside?: string[] }): MappedPerson =>
  compileMapping({
    ...(claims.roles && { roles: 'claims.roles' }),
    ...(claims.organisation && { organisation: 'claims.organisation' }),
    organisation_roles: 'has(claims.inside) ? claims.inside : []',
  })(claims)

async function apply(before: Given, person: MappedPerson, organisationPolicy = testPolicy): Promise<Brought> {
  const { store, clock, auth } = site.started
  const current = (await store.users.findById(ann.id)) ?? ann
  const parts = { clock, revocations: auth.revocations, organisationPolicy }
  return store.transaction((tables) =>
    applyWhatIsBrought({ tables, ...parts }, current, before, person, { address: '192.0.2.1' }),
  )
}
const rolesOf = async (): Promise<string | undefined> => (await site.started.store.users.findById(ann.id))?.roles
const sessionIn = async (): Promise<() => Promise<boolean>> => {
  const browser = await site.browserOf('ann')
  return async () => !(await browser.get(`${issuer}/account`)).has('password')
}

describe('what a provider brings', () => {
  it('is given, and ends no session by what is added', async () => {
    const isSignedIn = await sessionIn()
    const { user, given, ended } = await apply(nothingGiven, brings({ roles: ['clerk'] }))
    expect([user.roles, given.given_roles, await rolesOf(), ended]).toEqual(['clerk', 'clerk', 'clerk', []])
    expect(await isSignedIn()).toBe(true)
  })

  it('ends every session by a role that goes', async () => {
    const first = await apply(nothingGiven, brings({ roles: ['clerk', 'auditor'] }))
    const isSignedIn = await sessionIn()
    const { given, ended } = await apply(first.given, brings({ roles: ['clerk'] }))
    expect([given.given_roles, await rolesOf(), await isSignedIn()]).toEqual(['clerk', 'clerk', false])
    expect(ended).not.toEqual([])
  })

  it('goes where the mapping speaks of roles no more', async () => {
    const { given } = await apply(nothingGiven, brings({ roles: ['clerk'] }))
    expect((await apply(given, brings({}))).given.given_roles).toBe('')
    expect(await rolesOf()).toBe('')
  })

  it('is written down once, and not where nothing changes', async () => {
    const { given } = await apply(nothingGiven, brings({ roles: ['clerk'] }))
    const { ended } = await apply(given, brings({ roles: ['clerk'] }))
    expect(ended).toEqual([])
    const events = await site.started.store.audit.list({ type: 'roles_brought', limit: 10 })
    expect(events).toHaveLength(1)
  })
})

describe('an organisation that a provider names', () => {
  const memberIn = async (slug: string): Promise<string | undefined> => {
    const { store } = site.started
    const organisation = await store.organisations.findBySlug(slug)
    if (!organisation) throw new Error('there is none')
    return (await store.memberships.find({ organisation_id: organisation.id, user_id: ann.id }))?.roles
  }

  it('takes them in with the roles that there are, and lets them go', async () => {
    await site.addOrganisation('acme')
    const { given } = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['clerk', 'invented'] }))
    expect(await memberIn('acme')).toBe('clerk')
    await apply(given, brings({}))
    expect(await memberIn('acme')).toBeUndefined()
  })

  it('changes', async () => {
    await site.addOrganisation('acme')
    await site.addOrganisation('globe')
    const { given } = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['clerk'] }))
    await apply(given, brings({ organisation: 'globe', inside: ['auditor'] }))
    expect([await memberIn('acme'), await memberIn('globe')]).toEqual([undefined, 'auditor'])
  })

  it('does not put out who was a member before', async () => {
    await site.addOrganisation('acme', { ann: 'admin' })
    const { given } = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['clerk'] }))
    expect((await memberIn('acme'))?.split(' ').sort()).toEqual(['admin', 'clerk'])
    await apply(given, brings({}))
    expect(await memberIn('acme')).toBe('admin')
  })

  it('leaves the roles that were given inside', async () => {
    const { id } = await site.addOrganisation('acme')
    const first = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['clerk'] }))
    const key = { organisation_id: id, user_id: ann.id }
    const member = await site.started.store.memberships.find(key)
    await site.started.store.memberships.setRoles({
      ...{ key, roles: 'clerk admin', version: member?.version ?? '', next_version: 'next' },
    })
    await apply(first.given, brings({ organisation: 'acme', inside: ['auditor'] }))
    expect((await memberIn('acme'))?.split(' ').sort()).toEqual(['admin', 'auditor'])
  })

  it('is as it was after it was closed for a while', async () => {
    const { store, clock, auth } = site.started
    const { id } = await site.addOrganisation('acme')
    const first = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['clerk'] }))
    await changeRoles(site.members, { organisation: id, member: ann.id, roles: ['clerk', 'admin'] }, 'operator', by)
    const setStatus = (status: 'active' | 'disabled') =>
      setOrganisationStatus({ store, clock, revocations: auth.revocations }, { id, status }, { actor: 'test' })
    await setStatus('disabled')
    const closed = await apply(first.given, brings({ organisation: 'acme', inside: ['clerk'] }))
    expect(closed.given).toEqual(first.given)
    await setStatus('active')
    await apply(closed.given, brings({ organisation: 'acme', inside: ['clerk'] }))
    expect((await memberIn('acme'))?.split(' ').sort()).toEqual(['admin', 'clerk'])
  })

  it('that takes the administrator’s role takes the invitations with it', async () => {
    const { store, clock } = site.started
    const { id } = await site.addOrganisation('acme')
    const { given } = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['admin', 'clerk'] }))
    const invitation = { organisation: id, address: getEmail('erin@example.com'), roles: ['admin'] }
    await inviteMember({ ...site.members, queueMail: async () => {} }, invitation, { user: ann.id }, by)
    const same = await apply(given, brings({ organisation: 'acme', inside: ['admin'] }))
    expect(await store.organisationInvitations.count(id, clock.now())).toBe(1)
    await apply(same.given, brings({ organisation: 'acme', inside: ['clerk'] }))
    expect(await store.organisationInvitations.count(id, clock.now())).toBe(0)
  })

  it.each([
    ['a membership', {}, undefined],
    ['a role', { ann: 'clerk' }, 'clerk'],
  ])('keeps its last administrator, whose is %s, from giving it up, and not the provider', async (_, members, left) => {
    const { store, clock, auth } = site.started
    await site.addOrganisation('acme', members)
    const { given } = await apply(nothingGiven, brings({ organisation: 'acme', inside: ['admin'] }))
    const parts = { clock, revocations: auth.revocations, organisationPolicy: testPolicy, leavesByThemselves: true }
    const giveUp = () => store.transaction((tables) => takeBackWhatWasBrought({ tables, ...parts }, ann, [given], by))
    await expect(giveUp()).rejects.toMatchObject({ code: 'forbidden' })
    expect(await memberIn('acme')).toContain('admin')
    await apply(given, brings({}))
    expect(await memberIn('acme')).toBe(left)
  })

  it('counts for nothing where there is none of that name, or it is closed', async () => {
    expect((await apply(nothingGiven, brings({ organisation: 'nobody' }))).given.given_organisation).toBeNull()
    const { id } = await site.addOrganisation('acme')
    await site.started.store.organisations.setStatus(id, 'disabled')
    await apply(nothingGiven, brings({ organisation: 'acme' }))
    expect(await memberIn('acme')).toBeUndefined()
  })
})
