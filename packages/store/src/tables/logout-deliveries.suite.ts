import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { LogoutDeliveryRow } from '../rows.ts'
import type { Store } from '../store.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildLogoutDelivery, start } from '../testing/rows.ts'

const until = seconds(start + 60)

async function insertAll(store: Store, rows: readonly LogoutDeliveryRow[]): Promise<void> {
  for (const row of rows) await store.logoutDeliveries.insert(row)
}

/** What the table of logout tokens that are under way promises on every database. */
export function describeLogoutDeliveries(open: OpenForSuite): void {
  const takeAll = async (store: Store) => {
    while ((await store.logoutDeliveries.take({ now: start, until, limit: 100 })).length > 0);
  }

  it('takes what is due, the longest due first, counts the attempt and puts the next one off', async () => {
    const { store } = open()
    await takeAll(store)
    const early = buildLogoutDelivery({ next_attempt_at: seconds(start - 9) })
    const due = buildLogoutDelivery({ next_attempt_at: seconds(start - 5), attempts: 2 })
    const notYet = buildLogoutDelivery({ next_attempt_at: seconds(start + 1) })
    await insertAll(store, [notYet, due, early])
    const take = (limit: number) => store.logoutDeliveries.take({ now: start, until, limit })
    expect(await take(1)).toEqual([{ ...early, attempts: 1, next_attempt_at: until }])
    expect(await take(10)).toEqual([{ ...due, attempts: 3, next_attempt_at: until }])
    expect(await take(10)).toEqual([])
    const later = await store.logoutDeliveries.take({ now: until, until: seconds(until + 60), limit: 10 })
    expect(later.map(({ id }) => id).sort()).toEqual([early.id, due.id, notYet.id].sort())
  })

  it('gives up what has expired, a few at a time, and says whose it was', async () => {
    const { store } = open()
    const rows = Array.from({ length: 3 }, () => buildLogoutDelivery({ expires_at: start }))
    const lasting = buildLogoutDelivery({ expires_at: seconds(start + 1_000_000_000) })
    await insertAll(store, [...rows, lasting])
    const owners = [
      ...(await store.logoutDeliveries.deleteExpired(2)),
      ...(await store.logoutDeliveries.deleteExpired(9)),
    ]
    expect(owners.sort()).toEqual(rows.map(({ client_id }) => client_id).sort())
    expect(await store.logoutDeliveries.deleteExpired(9)).toEqual([])
    await store.logoutDeliveries.delete(lasting.id)
  })

  it('hands each delivery to one of several takers at once, from two processes', async () => {
    const { store, second } = open()
    await takeAll(store)
    const rows = Array.from({ length: 40 }, () => buildLogoutDelivery())
    await insertAll(store, rows)
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? store : second).logoutDeliveries.take({ now: start, until, limit: 10 }),
      ),
    )
    // One that another taker was just holding may be left for the next round.
    const rest = await store.logoutDeliveries.take({ now: start, until, limit: 100 })
    const ids = [...taken.flat(), ...rest].map(({ id }) => id)
    expect(ids.sort()).toEqual(rows.map(({ id }) => id).sort())
  })

  it('forgets what has arrived, and tries what is postponed at that moment', async () => {
    const { store } = open()
    await takeAll(store)
    const [arrived, postponed] = [buildLogoutDelivery(), buildLogoutDelivery()]
    await insertAll(store, [arrived, postponed])
    await store.logoutDeliveries.delete(arrived.id)
    await store.logoutDeliveries.postpone({ id: postponed.id, next_attempt_at: seconds(start + 10) })
    expect(await store.logoutDeliveries.take({ now: seconds(start + 9), until, limit: 10 })).toEqual([])
    const due = await store.logoutDeliveries.take({ now: seconds(start + 10), until, limit: 10 })
    expect(due.map(({ id }) => id)).toEqual([postponed.id])
  })

  it('leaves those of some clients alone, and takes one back as if it had not been taken', async () => {
    const { store } = open()
    await takeAll(store)
    const [left, taken] = [buildLogoutDelivery(), buildLogoutDelivery({ attempts: 2 })]
    await insertAll(store, [left, taken])
    const take = (except: (typeof left.client_id)[]) =>
      store.logoutDeliveries.take({ now: start, until, limit: 10, except })
    expect((await take([left.client_id])).map(({ id }) => id)).toEqual([taken.id])
    await store.logoutDeliveries.postpone({ id: taken.id, next_attempt_at: start, attempts: 2 })
    expect(await take([left.client_id])).toEqual([{ ...taken, attempts: 3, next_attempt_at: until }])
    expect((await take([])).map(({ id }) => id)).toEqual([left.id])
  })

  it('forgets those of a client and no other', async () => {
    const { store } = open()
    await takeAll(store)
    const [gone, other] = [buildLogoutDelivery(), buildLogoutDelivery()]
    await insertAll(store, [gone, buildLogoutDelivery({ client_id: gone.client_id }), other])
    await store.logoutDeliveries.deleteByClient(gone.client_id)
    const left = await store.logoutDeliveries.take({ now: start, until, limit: 10 })
    expect(left.map(({ id }) => id)).toEqual([other.id])
  })
}
