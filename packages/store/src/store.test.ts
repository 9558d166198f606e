import { ManualClock } from '@gatehouse/core/time'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from './store.ts'
import { databaseKinds, TestDatabases } from './testing/databases.ts'
import { buildUser } from './testing/rows.ts'

const databases = new TestDatabases()
afterAll(() => databases.stop())

describe.each(databaseKinds)('a store in %s', (kind) => {
  it('does not migrate by itself, then does once, and says what it ran', async () => {
    const { store } = await databases.open(await databases.newUrl(kind))
    expect(store.dialect).toBe(kind === 'Postgres' ? 'postgres' : 'sqlite')
    await store.ping()
    const pending = await store.pendingMigrations()
    expect(pending[0]).toBe('0001-first-tables')
    await expect(store.users.count()).rejects.toMatchObject({ code: 'server_error', message: 'Something went wrong' })
    expect(await store.migrate()).toEqual(pending)
    expect(await store.migrate()).toEqual([])
    expect(await store.pendingMigrations()).toEqual([])
    expect(await store.unknownMigrations()).toEqual([])
    expect(await store.users.count()).toBe(0)
  })

  it('answers what was asked before it is closed, and nothing after', async () => {
    const store = await openStore({ url: await databases.newUrl(kind), clock: new ManualClock() })
    await store.migrate()
    const outcome = store.users.insert(buildUser())
    await Promise.all([outcome, store.close()])
    await expect(store.users.count()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    await expect(store.ping()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  })
})

it('hands hints and messages to nobody on SQLite', async () => {
  const { store } = await databases.openNew('SQLite in memory')
  const stop = await store.listen(
    () => expect.unreachable(),
    () => expect.unreachable(),
  )
  await store.notify('revocations')
  await store.broadcast(['message'])
  await stop()
})
