import { newOrganisationId, newUserId } from '@gatehouse/core/random'
import { expect, it } from 'vitest'
import type { Store } from '../store.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildMembership, buildOrganisation, buildUser, start } from '../testing/rows.ts'
import type { MembershipKey } from './memberships.ts'

const keeping = 'admin'

/** An organisation with users who have these roles there. */
async function build({ organisations, users, memberships }: Store, roles: readonly string[]) {
  const organisation = buildOrganisation()
  await organisations.insert(organisation)
  const keys: MembershipKey[] = []
  for (const held of roles) {
    const user = buildUser()
    const key = { organisation_id: organisation.id, user_id: user.id }
    await users.insert(user)
    await memberships.insert(buildMembership({ ...key, roles: held, version: 'first' }))
    keys.push(key)
  }
  return { organisation, keys: keys as [MembershipKey, ...MembershipKey[]] } // at least one role list is given
}

/** What the table of memberships promises on every database. */
export function describeMemberships(open: OpenForSuite): void {
  describeLists(open)
  describeChanges(open)
}

function describeLists(open: OpenForSuite): void {
  it('finds a membership, and lists those of a user in organisations that are active', async () => {
    const { store } = open()
    const { organisation, keys } = await build(store, ['clerk'])
    const [key] = keys
    const disabled = buildOrganisation({ status: 'disabled' })
    await store.organisations.insert(disabled)
    await store.memberships.insert(buildMembership({ ...key, organisation_id: disabled.id }))
    expect(await store.memberships.find(key)).toMatchObject({ ...key, roles: 'clerk', version: 'first' })
    expect(await store.memberships.find({ ...key, user_id: newUserId() })).toBeUndefined()
    expect(await store.memberships.listByUser(key.user_id)).toEqual([
      { ...(await store.memberships.find(key)), name: organisation.name, slug: organisation.slug },
    ])
    const again = store.memberships.insert(buildMembership(key))
    await expect(again).rejects.toMatchObject({ code: 'already_exists' })
  })

  it('lists members page by page, and those of no other organisation', async () => {
    const { store } = open()
    const { organisation, keys } = await build(store, ['a', 'b', 'c'])
    await build(store, ['d'])
    const page = { organisation_id: organisation.id, limit: 2 }
    const first = await store.memberships.listMembers(page)
    const rest = await store.memberships.listMembers({ ...page, after: first[1]?.username_canonical })
    const names = [...first, ...rest].map((member) => member.username_canonical)
    expect(names).toEqual([...names].sort())
    expect([...first, ...rest].map((member) => member.user_id).sort()).toEqual(keys.map((key) => key.user_id).sort())
  })
}

function describeChanges(open: OpenForSuite): void {
  it('changes roles only of the version that was looked at, once', async () => {
    const { store, second } = open()
    const { keys } = await build(store, ['clerk'])
    const change = { key: keys[0], roles: 'clerk admin', version: 'first' }
    const outcomes = await Promise.all(
      [store, second].map(({ memberships }, index) =>
        memberships.setRoles({ ...change, next_version: `next-${index}` }),
      ),
    )
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    expect(await store.memberships.find(keys[0])).toMatchObject({ roles: 'clerk admin' })
    expect(await store.memberships.renew(keys[0], 'later')).toBe(true)
    expect(await store.memberships.find(keys[0])).toMatchObject({ version: 'later' })
    expect(await store.memberships.renew({ ...keys[0], organisation_id: newOrganisationId() }, 'x')).toBe(false)
  })

  it('keeps the last who has the role and can sign in', async () => {
    const { store } = open()
    const { keys } = await build(store, ['admin', 'super-admin', 'clerk admin'])
    const [one, near, two] = keys as [MembershipKey, MembershipKey, MembershipKey] // three role lists
    const take = (key: MembershipKey) =>
      store.memberships.setRoles({ key, roles: '', version: 'first', next_version: 'next', keeping })
    await store.users.setStatus({ id: two.user_id, status: 'disabled', at: start })
    expect(await take(one)).toBe(false)
    expect(await store.memberships.delete({ key: one, keeping })).toBe(false)
    expect(await store.memberships.delete({ key: near, keeping })).toBe(true)
    await store.users.setStatus({ id: two.user_id, status: 'active', at: start })
    expect(await take(one)).toBe(true)
    expect(await store.memberships.delete({ key: two, keeping })).toBe(false)
    expect(await store.memberships.delete({ key: two })).toBe(true)
    expect(await store.memberships.delete({ key: two })).toBe(false)
    await store.memberships.deleteByUser(near.user_id)
    expect(await store.memberships.find(one)).toBeDefined()
    await store.memberships.deleteByUser(one.user_id)
    expect(await store.memberships.find(one)).toBeUndefined()
  })

  it('leaves one of several who go at the same time, where each holds the organisation first', async () => {
    const { store, second } = open()
    const round = async (): Promise<void> => {
      const { organisation, keys } = await build(store, ['admin', 'admin', 'admin'])
      const leave = ({ transaction }: Store, key: MembershipKey) =>
        transaction(async (tables) => {
          await tables.organisations.hold(organisation.id)
          return tables.memberships.delete({ key, keeping })
        })
      const left = await Promise.all(keys.map((key, index) => leave(index % 2 ? store : second, key)))
      expect(left.filter((done) => done)).toHaveLength(2)
    }
    await Promise.all(Array.from({ length: 5 }, round))
  })
}
