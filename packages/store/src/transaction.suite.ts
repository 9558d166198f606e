import { expect, it } from 'vitest'
import type { Tables } from './store.ts'
import type { OpenForSuite } from './testing/databases.ts'
import { buildSession, buildUser } from './testing/rows.ts'

/** What a transaction promises on every database. */
export function describeTransactions(open: OpenForSuite): void {
  it('commits everything or nothing', async () => {
    const { store, second } = open()
    const user = buildUser()
    const session = buildSession({ user_id: user.id })
    const write = ({ users, sessions }: Tables) => Promise.all([users.insert(user), sessions.insert(session)])
    const failed = store.transaction(async (tables) => {
      await write(tables)
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    expect(await second.users.findById(user.id)).toBeUndefined()
    expect(await store.transaction(async (tables) => (await write(tables)).length)).toBe(2)
    expect(await second.users.findById(user.id)).toEqual(user)
    expect(await second.sessions.findById(session.id)).toEqual(session)
  })

  it('sees its own writes', async () => {
    const { store } = open()
    const user = buildUser()
    const found = await store.transaction(async ({ users }) => {
      await users.insert(user)
      return users.findByCanonicalName(user.username_canonical)
    })
    expect(found).toEqual(user)
  })

  it('fails when one of its statements failed, even if nobody minded', async () => {
    const { store } = open()
    const user = buildUser()
    const failed = store.transaction(async ({ users }) => {
      await users.insert(user)
      await users.insert(user).catch(() => {})
      await users.insert(buildUser()).catch(() => {})
      return 'fine'
    })
    await expect(failed).rejects.toMatchObject({ code: 'already_exists' })
    expect(await store.users.findById(user.id)).toBeUndefined()
  })

  it('waits for a statement that the body did not wait for, and fails with it', async () => {
    const { store } = open()
    const user = buildUser()
    let unwaited: Promise<void> = Promise.resolve()
    const failed = store.transaction(async ({ users }) => {
      await users.insert(user)
      unwaited = users.insert(user)
      unwaited.catch(() => {})
    })
    await expect(failed).rejects.toMatchObject({ code: 'already_exists' })
    expect(await store.users.findById(user.id)).toBeUndefined()
  })

  it('refuses a statement after its end', async () => {
    const { store } = open()
    let leaked: Tables | undefined
    await store.transaction(async (tables) => {
      leaked = tables
    })
    await expect(leaked?.users.insert(buildUser())).rejects.toMatchObject({ code: 'server_error' })
  })

  it('lets other statements go on afterwards, and the transactions of a tick one after the other', async () => {
    const { store } = open()
    const user = buildUser()
    await store.users.insert(user)
    const rename = (suffix: string) =>
      store.transaction(async ({ users }) => {
        const present = await users.findById(user.id)
        const roles = `${present?.roles ?? ''}${suffix}`
        const expected = present?.password_hash ?? null
        return users.setPasswordHash({ id: user.id, expected, hash: roles, at: user.created_at })
      })
    const outcomes = await Promise.allSettled([rename('a'), store.users.count(), rename('b'), store.users.count()])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'])
  })
}
