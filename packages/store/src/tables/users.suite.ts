import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildUser, start } from '../testing/rows.ts'

/** What the table of users promises on every database. */
export function describeUsers(open: OpenForSuite): void {
  it('finds what was inserted, by name and by id, column by column', async () => {
    const { users } = open().store
    const user = buildUser({ password_hash: '$argon2id$…', scopes: 'a b', roles: 'clerk', username: "Zoë'; --" })
    await users.insert(user)
    expect(await users.findByCanonicalName(user.username_canonical)).toEqual(user)
    expect(await users.findById(user.id)).toEqual(user)
    expect(await users.findByCanonicalName('nobody')).toBeUndefined()
  })

  it('refuses a second user with the same canonical name, also when both come at once', async () => {
    const { store, second } = open()
    const user = buildUser()
    const outcomes = await Promise.allSettled(
      [store, second, store].map(({ users }) => users.insert({ ...user, id: buildUser().id })),
    )
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(failed.map((outcome) => outcome.reason.code)).toEqual(['already_exists', 'already_exists'])
  })

  it('says nothing of the database in the message of an error', async () => {
    const { users } = open().store
    const user = buildUser()
    await users.insert(user)
    await expect(users.insert(user)).rejects.toThrow(/^The name is taken$/)
  })

  it('lists page by page in the order of the bytes', async () => {
    const { users } = open().store
    const names = ['~page-B', '~page-Z', '~page-a', '~page-ä', '~page-日']
    for (const name of [...names].reverse()) await users.insert(buildUser({ username_canonical: name }))
    const page = await users.list({ after: '~page-', limit: 2 })
    const rest = await users.list({ after: '~page-Z', limit: 10 })
    expect([...page, ...rest].map((user) => user.username_canonical)).toEqual(names)
    expect((await users.list({ limit: 1000 })).length).toBe(await users.count())
  })

  it('changes a password only where the present hash is the expected one', async () => {
    const { users } = open().store
    const user = buildUser()
    await users.insert(user)
    const at = seconds(start + 5)
    const change = { id: user.id, expected: null, hash: 'one', at }
    expect(await users.setPasswordHash({ ...change, expected: 'other' })).toBe(false)
    const outcomes = await Promise.all([
      users.setPasswordHash(change),
      users.setPasswordHash({ ...change, hash: 'two' }),
    ])
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    const { password_hash } = (await users.findById(user.id)) ?? {}
    expect(await users.setPasswordHash({ ...change, expected: password_hash ?? null, hash: 'three' })).toBe(true)
    expect(await users.findById(user.id)).toMatchObject({ password_hash: 'three', updated_at: at })
  })

  it('sets status, scopes and roles, and says whether there was a user', async () => {
    const { users } = open().store
    const user = buildUser()
    await users.insert(user)
    const at = seconds(start + 7)
    expect(await users.setStatus({ id: user.id, status: 'disabled', at })).toBe(true)
    const change = { id: user.id, before: user, scopes: 'x', roles: 'y z', at }
    for (const before of [
      { scopes: 'another', roles: user.roles },
      { scopes: user.scopes, roles: 'another' },
    ]) {
      expect(await users.setScopesAndRoles({ ...change, before })).toBe(false)
    }
    expect(await users.setScopesAndRoles(change)).toBe(true)
    expect(await users.findById(user.id)).toEqual({
      ...user,
      status: 'disabled',
      scopes: 'x',
      roles: 'y z',
      updated_at: at,
    })
    expect(await users.setStatus({ id: buildUser().id, status: 'active', at })).toBe(false)
    expect(await users.setScopesAndRoles({ ...change, id: buildUser().id })).toBe(false)
  })

  it('finds a role as a whole word in its own case, whatever is in it', async () => {
    const { users } = open().store
    await users.insert(buildUser({ roles: 'first super_visor last' }))
    expect(await users.anyWithRole('super_visor')).toBe(true)
    expect(await users.anyWithRole('first')).toBe(true)
    expect(await users.anyWithRole('last')).toBe(true)
    for (const absent of ['super', 'visor', 'superXvisor', 'SUPER_VISOR', '%', "' or 1=1 --"]) {
      expect(await users.anyWithRole(absent), absent).toBe(false)
    }
  })

  it('holds an active user whose hash and rights are those that were checked, and changes nothing', async () => {
    const { users } = open().store
    const user = buildUser({ password_hash: 'checked', scopes: 'a b', roles: 'clerk' })
    await users.insert(user)
    expect(await users.hold(user)).toBe(true)
    expect(await users.hold({ ...user, password_hash: 'another' })).toBe(false)
    expect(await users.hold({ ...user, password_hash: null })).toBe(false)
    expect(await users.hold({ ...user, scopes: 'a b c' })).toBe(false)
    expect(await users.hold({ ...user, roles: '' })).toBe(false)
    expect(await users.findById(user.id)).toEqual(user)
    await users.setStatus({ id: user.id, status: 'disabled', at: user.updated_at })
    expect(await users.hold(user)).toBe(false)
    const without = buildUser()
    await users.insert(without)
    expect(await users.hold({ ...without, password_hash: null })).toBe(true)
    expect(await users.hold({ ...without, password_hash: 'any' })).toBe(false)
  })

  const withEmail = (email: string, verified: boolean) =>
    buildUser({ email, email_canonical: email.toLowerCase(), email_verified_at: verified ? start : null })
  const newAddress = () => `${buildUser().username}@Example.com`

  it('finds by the name or else by the verified address, and the name comes first', async () => {
    const { users } = open().store
    const [verified, unverified] = [withEmail(newAddress(), true), withEmail(newAddress(), false)]
    await users.insert(verified)
    await users.insert(unverified)
    const find = (name: string) => users.findByNameOrEmail({ name, email: name })
    expect(await find(verified.username_canonical)).toEqual(verified)
    expect(await find(verified.email_canonical ?? '')).toEqual(verified)
    expect(await find(unverified.email_canonical ?? '')).toBeUndefined()
    expect(await find('nobody@example.com')).toBeUndefined()
    const namesake = buildUser({ username_canonical: verified.email_canonical ?? '' })
    await users.insert(namesake)
    expect(await find(namesake.username_canonical)).toEqual(namesake)
  })

  it('lets an address belong to one user, also when two come at once', async () => {
    const { store, second } = open()
    const email = newAddress()
    const rows = [withEmail(email, true), withEmail(email, true), withEmail(email, false)]
    const outcomes = await Promise.allSettled(rows.map((row, index) => (index % 2 ? store : second).users.insert(row)))
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(failed.map((outcome) => outcome.reason.code)).toEqual(['already_exists', 'already_exists'])
  })

  it('gives an address and a name with it, and refuses what is another user’s', async () => {
    const { users } = open().store
    const [user, other] = [buildUser(), withEmail(newAddress(), true)]
    await users.insert(user)
    await users.insert(other)
    const at = seconds(start + 9)
    const email = newAddress()
    const given = {
      username: email,
      username_canonical: email.toLowerCase(),
      email,
      email_canonical: email.toLowerCase(),
    }
    expect(await users.setEmail({ ...given, id: user.id, at })).toBe(true)
    const changed = { ...user, ...given, email_verified_at: at, updated_at: at }
    expect(await users.findById(user.id)).toEqual(changed)
    const { email_canonical, username_canonical } = other
    await expect(users.setEmail({ ...given, id: user.id, email_canonical: email_canonical ?? '', at })).rejects.toThrow(
      /taken/,
    )
    await expect(users.setEmail({ ...given, id: user.id, username_canonical, at })).rejects.toThrow(/taken/)
    expect(await users.findById(user.id)).toEqual(changed)
    expect(await users.setEmail({ ...given, id: buildUser().id, at })).toBe(false)
  })

  it('takes an address away only from who has not shown that it is theirs', async () => {
    const { users } = open().store
    const [verified, unverified] = [withEmail(newAddress(), true), withEmail(newAddress(), false)]
    for (const row of [verified, unverified]) {
      await users.insert(row)
      await users.releaseUnverifiedEmail({ email_canonical: row.email_canonical ?? '', at: start })
    }
    expect(await users.findById(verified.id)).toEqual(verified)
    expect(await users.findById(unverified.id)).toEqual({ ...unverified, email: null, email_canonical: null })
  })

  it('sets what a person is called and their language', async () => {
    const { users } = open().store
    const user = buildUser()
    await users.insert(user)
    const profile = { id: user.id, name: 'Zoë Ö', locale: 'de', at: seconds(start + 3) }
    expect(await users.setProfile(profile)).toBe(true)
    expect(await users.findById(user.id)).toMatchObject({ name: 'Zoë Ö', locale: 'de', updated_at: profile.at })
    expect(await users.setProfile({ ...profile, id: buildUser().id })).toBe(false)
  })

  it('tells one caller that it deleted a user', async () => {
    const { store, second } = open()
    const [user, other] = [buildUser(), buildUser()]
    for (const row of [user, other]) await store.users.insert(row)
    const outcomes = await Promise.all([store, second, store].map(({ users }) => users.delete(user.id)))
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    expect(await store.users.findById(user.id)).toBeUndefined()
    expect(await store.users.findById(other.id)).toEqual(other)
  })

  it('finds who has an address, shown to be theirs or not', async () => {
    const { users } = open().store
    const email = `${randomToken(9)}@example.com`.toLowerCase()
    const user = buildUser({ email, email_canonical: email })
    await users.insert(user)
    expect(await users.findByEmail(email)).toEqual(user)
    expect(await users.findByEmail(`x${email}`)).toBeUndefined()
  })
}
