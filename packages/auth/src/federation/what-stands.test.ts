import { ManualClock } from '@gatehouse/core/time'
import type { LinkedIdentityRow, UserRow } from '@gatehouse/store/rows'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOrganisations } from '../testing/organisations.ts'
import { providerOf } from '../testing/outside-providers.ts'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { compileMapping } from './mapping.ts'
import type { RecognisedPerson } from './outside-people.ts'
import type { OutsideIdentity } from './provider.ts'

const settings = providerOf({ mapping: compileMapping({ roles: 'claims.roles' }) })
const key = { provider: 'corp', subject: 's-1' }
const ann: OutsideIdentity = {
  subject: 's-1',
  claims: { preferred_username: 'ann', name: 'Ann Lee', roles: ['clerk'] },
}

let clock: ManualClock
let started: StartedAuth
beforeEach(async () => {
  clock = new ManualClock()
  started = await startAuth({ clock })
  await recognise(ann)
})
afterEach(() => started.close())

async function recognise(identity: OutsideIdentity): Promise<RecognisedPerson> {
  const recognised = await started.auth.federation.people.recognise(settings, identity, { address: '192.0.2.1' })
  if ('user' in recognised) return recognised
  throw new Error(recognised.why)
}
const linkOf = async (): Promise<LinkedIdentityRow | undefined> => started.store.linkedIdentities.find(key)
const setRoles = async ({ id }: UserRow, now: string) => {
  const before = await started.store.users.findById(id)
  if (!before) throw new Error('they are gone')
  await started.store.users.setScopesAndRoles({ ...before, before, roles: now, at: clock.now() })
}

/** Goes by before somebody comes again; what is noted by then of their coming is seen in the link. */
function passTime(): number {
  clock.advance(60)
  return clock.now()
}

describe('somebody of whom nothing new is said', () => {
  it('is noted in the transaction of what they are recognised for, and not before', async () => {
    const first = (await linkOf())?.last_used_at
    const later = passTime()
    const { user, alongside } = await recognise(ann)
    expect(user).toMatchObject({ username: 'ann', roles: 'clerk' })
    expect((await linkOf())?.last_used_at).toBe(first)
    await started.store.transaction(alongside)
    expect(await linkOf()).toMatchObject({ last_used_at: later, given_roles: 'clerk', label: 'ann' })
  })

  it.each<[string, (user: UserRow) => Promise<unknown>]>([
    ['is unlinked', (user) => started.store.linkedIdentities.delete({ ...key, user_id: user.id })],
    ['is given more by another sign-in of theirs', () => recognise({ ...ann, claims: { roles: ['clerk', 'chief'] } })],
    ['loses what the provider has brought', (user) => setRoles(user, '')],
    ['is deleted', (user) => started.store.users.delete(user.id)],
  ])('is not signed in who %s meanwhile', async (_, change) => {
    const { user, alongside } = await recognise(ann)
    await change(user)
    await expect(started.store.transaction(alongside)).rejects.toMatchObject({ code: 'invalid_credentials' })
  })

  it('goes on with what is given here meanwhile', async () => {
    const { user, alongside } = await recognise(ann)
    await setRoles(user, 'clerk auditor')
    await started.store.transaction(alongside)
    expect((await started.store.users.findById(user.id))?.roles).toBe('clerk auditor')
  })
})

describe('somebody of whom something new is said', () => {
  it.each<[string, OutsideIdentity['claims'], Partial<UserRow>]>([
    ['a role', { ...ann.claims, roles: ['clerk', 'chief'] }, { roles: 'clerk chief' }],
    ['a role less', { ...ann.claims, roles: [] }, { roles: '' }],
    ['another name', { ...ann.claims, name: 'Ann Bell' }, { name: 'Ann Bell' }],
    ['a language', { ...ann.claims, locale: 'de' }, { locale: 'de' }],
    ['claims that the mapping fails for', { preferred_username: 'ann' }, { roles: '' }],
  ])('has it at once: %s', async (_, claims, expected) => {
    const later = passTime()
    const { user, alongside } = await recognise({ ...ann, claims })
    expect(user).toMatchObject(expected)
    expect(await started.store.users.findById(user.id)).toMatchObject(expected)
    expect((await linkOf())?.last_used_at).toBe(later)
    await started.store.transaction(alongside)
  })

  it('is not signed in who is unlinked meanwhile', async () => {
    const { user, alongside } = await recognise({ ...ann, claims: { ...ann.claims, roles: [] } })
    await started.store.linkedIdentities.delete({ ...key, user_id: user.id })
    await expect(started.store.transaction(alongside)).rejects.toMatchObject({ code: 'invalid_credentials' })
  })

  it('keeps a role that was taken away and given again here, once the provider brings it no more', async () => {
    const without = { ...ann, claims: { ...ann.claims, roles: [] } }
    const { user } = await recognise(ann)
    await setRoles(user, '')
    await recognise(without)
    await setRoles(user, 'clerk')
    expect((await recognise(without)).user.roles).toBe('clerk')
  })

  it('is noted each time where the mapping fails for it', async () => {
    const silent = { ...ann, claims: { preferred_username: 'ann' } }
    await recognise(silent)
    const later = passTime()
    await recognise(silent)
    expect((await linkOf())?.last_used_at).toBe(later)
  })
})

it('takes somebody into an organisation, and out of it, as the provider says', async () => {
  const site = await startOrganisations()
  const { store, auth } = site.started
  const { id } = await site.addOrganisation('acme')
  const mapping = compileMapping({ organisation: 'claims.org' })
  const membership = async (claims: OutsideIdentity['claims']): Promise<unknown> => {
    const by = { address: '192.0.2.1' }
    const found = await auth.federation.people.recognise(providerOf({ mapping }), { subject: 's-1', claims }, by)
    if (!('user' in found)) throw new Error(found.why)
    return store.memberships.find({ organisation_id: id, user_id: found.user.id })
  }
  expect(await membership({ org: null })).toBeUndefined()
  expect(await membership({ org: 'acme' })).toBeDefined()
  expect(await membership({ org: null })).toBeUndefined()
  await site.started.close()
})
