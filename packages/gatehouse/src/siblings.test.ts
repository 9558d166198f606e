import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { startPostgres } from '@gatehouse/store/testing/postgres'
import { describe, expect, it } from 'vitest'
import { findWayToOthers } from './siblings.ts'

const clock = new ManualClock()

describe('the way to the other processes', () => {
  it('is none for one process on a SQLite file, and goes to siblings alone where there are some', async () => {
    const store = await openStore({ url: ':memory:', clock })
    expect(findWayToOthers(store, undefined)).toBeUndefined()
    const told: string[] = []
    await findWayToOthers(store, (messages) => told.push(...messages))?.(['one'])
    expect(told).toEqual(['one'])
    await store.close()
  })

  it('goes by the database and to siblings, who hear of it also where the database is away', async () => {
    const postgres = await startPostgres()
    const store = await openStore({ url: postgres.url, clock })
    const [told, heard]: [string[], string[]] = [[], []]
    const stop = await store.listen(
      () => {},
      (message) => heard.push(message),
    )
    const tell = findWayToOthers(store, (messages) => told.push(...messages))
    await tell?.(['one'])
    await expect.poll(() => heard).toEqual(['one'])
    await postgres.pause()
    await expect(tell?.(['two'])).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(told).toEqual(['one', 'two'])
    await stop()
    await store.close()
    await postgres.stop()
  })
})
