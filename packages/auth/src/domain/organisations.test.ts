import type { OrganisationId } from '@gatehouse/core/brand'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OrganisationSite, startOrganisations, testPolicy } from '../testing/organisations.ts'
import { acceptInvitation, hashInvitation, inviteMember } from './organisation-invitations.ts'
import { changeRoles } from './organisation-members.ts'
import { addOrganisation, checkRoles, getOrganisation } from './organisations.ts'
import { deleteUser, getEmail, setUserStatus } from './users.ts'

const by = { actor: 'test' }
let site: OrganisationSite
let acme: OrganisationId
beforeEach(async () => {
  site = await startOrganisations()
  acme = (await site.addOrganisation('acme', { carol: 'admin', dave: 'clerk' })).id
})
afterEach(() => site.started.close())

const invitationsOf = (organisation_id: OrganisationId) => {
  const { store, clock } = site.started
  return store.organisationInvitations.list({ organisation_id, now: clock.now(), limit: 10 })
}
const inviteAs = async (name: string, email: string) => {
  const { id } = await site.addPerson(name)
  const dependencies = { ...site.members, queueMail: async () => {} }
  const invitation = { organisation: acme, address: getEmail(email), roles: ['clerk'] }
  return inviteMember(dependencies, invitation, { user: id }, { actor: id })
}
const hashOf = (link: string): string => hashInvitation(link.replace(/^.*token=/, '')) ?? ''

describe('an organisation', () => {
  it('is called by an id or a slug, which cannot be taken for each other, and by a name that can be shown', async () => {
    const { store, clock } = site.started
    const add = (slug: string, name = slug) => addOrganisation({ store, clock }, { name, slug }, by)
    for (const slug of ['', 'Acme', 'a_b', 'a--b', '-a', 'a-', 'org_xxxxxxxxxxxxxxxxxxxxxx', 'é', 'x'.repeat(64)]) {
      await expect(add(slug), slug).rejects.toMatchObject({ code: 'invalid_request' })
    }
    for (const name of ['', ' ', 'x'.repeat(101), 'two\nlines', 'a\u2028b']) {
      await expect(add('fine', name), name).rejects.toMatchObject({ code: 'invalid_request' })
    }
    await expect(add('acme')).rejects.toMatchObject({ code: 'already_exists' })
    const { id } = await add('a-1', '  A & B  ')
    expect(await getOrganisation({ store }, 'a-1')).toMatchObject({ id, name: 'A & B', status: 'active' })
    expect((await getOrganisation({ store }, id)).slug).toBe('a-1')
    await expect(getOrganisation({ store }, 'none')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('never gives the role of whoever runs Gatehouse, even where configuration let that pass', () => {
    expect(checkRoles(['clerk', 'admin', 'clerk'], testPolicy.knownRoles)).toBe('clerk admin')
    expect(() => checkRoles(['administrator'], new Set(['administrator']))).toThrow('role')
  })

  it('is left by who is deleted, and what they have sent is worth nothing', async () => {
    const { store, clock, auth } = site.started
    await inviteAs('carol', 'new@example.com')
    const carol = await site.addPerson('carol')
    await deleteUser({ store, clock, revocations: auth.revocations, notices: auth.notices }, carol.id, by)
    expect(await store.memberships.find({ organisation_id: acme, user_id: carol.id })).toBeUndefined()
    expect(await invitationsOf(acme)).toEqual([])
  })

  it('counts nobody as looking after it who cannot sign in', async () => {
    const { store, clock, auth } = site.started
    await site.addMember(acme, 'erin', 'admin')
    const erin = await site.addPerson('erin')
    await setUserStatus({ store, clock, revocations: auth.revocations }, { id: erin.id, status: 'disabled' }, by)
    const carol = await site.addPerson('carol')
    const demotion = { organisation: acme, member: carol.id, roles: [] }
    const refused = changeRoles(site.members, demotion, { user: carol.id }, by)
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' })
    await changeRoles(site.members, demotion, 'operator', by)
  })
})

describe('invitations', () => {
  it('of somebody who looks after it no longer are worth nothing', async () => {
    await site.addMember(acme, 'erin', 'admin')
    const erin = await site.addPerson('erin')
    await inviteAs('erin', 'hers@example.com')
    await inviteAs('carol', 'his@example.com')
    await changeRoles(site.members, { organisation: acme, member: erin.id, roles: ['admin', 'clerk'] }, 'operator', by)
    expect(await invitationsOf(acme)).toHaveLength(2)
    await changeRoles(site.members, { organisation: acme, member: erin.id, roles: ['clerk'] }, 'operator', by)
    expect((await invitationsOf(acme)).map(({ email }) => email)).toEqual(['his@example.com'])
  })

  it('give no role that configuration no longer knows', async () => {
    const link = await site.invite(acme, 'erin@example.com', ['auditor', 'clerk'])
    const erin = await site.addPerson('erin')
    const policy = { ...testPolicy, knownRoles: new Set(['admin', 'clerk']) }
    await acceptInvitation({ ...site.members, policy }, { hash: hashOf(link), user: erin }, by, async () => {})
    const { memberships } = site.started.store
    expect(await memberships.find({ organisation_id: acme, user_id: erin.id })).toMatchObject({ roles: 'clerk' })
  })

  it('stay good where what goes with the answer fails', async () => {
    const link = await site.invite(acme, 'erin@example.com')
    const erin = await site.addPerson('erin')
    const accept = (alongside: () => Promise<void>) =>
      acceptInvitation(site.members, { hash: hashOf(link), user: erin }, by, alongside)
    await expect(accept(() => Promise.reject(new Error('undone')))).rejects.toThrow('undone')
    await accept(async () => {})
    await expect(accept(async () => {})).rejects.toMatchObject({ code: 'not_found' })
  })
})
