import { newUserId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { Store } from '../store.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildMail, start } from '../testing/rows.ts'

const until = seconds(start + 60)
const many = 10_000

/** What the table of mails that are under way promises on every database. */
export function describeMails(open: OpenForSuite): void {
  const takeAll = async (store: Store) => {
    for (;;) {
      const taken = await store.mails.take({ now: seconds(start + 1e6), until: seconds(start + 1e7), limit: 100 })
      await Promise.all(taken.map(({ id }) => store.mails.delete(id)))
      if (taken.length === 0) return
    }
  }

  it('takes what is due, the longest due first, counts the attempt and puts the next one off', async () => {
    const { store } = open()
    await takeAll(store)
    const early = buildMail({ next_attempt_at: seconds(start - 9), user_id: newUserId(), channel: 'webhook' })
    const due = buildMail({ next_attempt_at: seconds(start - 5), attempts: 2 })
    const notYet = buildMail({ next_attempt_at: seconds(start + 1) })
    for (const row of [notYet, due, early]) expect(await store.mails.insert(row, many)).toBe(true)
    const take = (limit: number) => store.mails.take({ now: start, until, limit })
    expect(await store.mails.take({ now: start, until, limit: 10, channel: 'nowhere' })).toEqual([])
    expect(await take(1)).toEqual([{ ...early, attempts: 1, next_attempt_at: until }])
    expect(await take(10)).toEqual([{ ...due, attempts: 3, next_attempt_at: until }])
    expect(await take(10)).toEqual([])
    const later = await store.mails.take({ now: until, until: seconds(until + 60), limit: 10 })
    expect(later.map(({ id }) => id).sort()).toEqual([early.id, due.id, notYet.id].sort())
  })

  it('hands each mail to one of several takers at once, from two processes', async () => {
    const { store, second } = open()
    await takeAll(store)
    const rows = Array.from({ length: 40 }, () => buildMail())
    for (const row of rows) await store.mails.insert(row, many)
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? store : second).mails.take({ now: start, until, limit: 10 }),
      ),
    )
    // One that another taker was just holding may be left for the next round.
    const rest = await store.mails.take({ now: start, until, limit: 100 })
    const ids = [...taken.flat(), ...rest].map(({ id }) => id)
    expect(ids.sort()).toEqual(rows.map(({ id }) => id).sort())
  })

  it('takes no more than may be under way; what has arrived does not count', async () => {
    const { store } = open()
    await takeAll(store)
    const [first, second, third] = [buildMail(), buildMail(), buildMail()]
    expect(await store.mails.insert(first, 2)).toBe(true)
    expect(await store.mails.insert(second, 2)).toBe(true)
    expect(await store.mails.insert(third, 2)).toBe(false)
    await store.mails.keepDelivered({ id: first.id, at: start })
    expect(await store.mails.insert(third, 2)).toBe(true)
    const taken = await store.mails.take({ now: start, until, limit: 10 })
    expect(taken.map(({ id }) => id).sort()).toEqual([second.id, third.id].sort())
    await store.mails.delete(first.id)
  })

  it('tries what is postponed at that moment, and never again what has arrived', async () => {
    const { store } = open()
    await takeAll(store)
    const [arrived, postponed] = [buildMail(), buildMail()]
    for (const row of [arrived, postponed]) await store.mails.insert(row, many)
    await store.mails.keepDelivered({ id: arrived.id, at: start })
    await store.mails.postpone({ id: postponed.id, next_attempt_at: seconds(start + 10) })
    expect(await store.mails.take({ now: seconds(start + 9), until, limit: 10 })).toEqual([])
    const due = await store.mails.take({ now: arrived.expires_at, until, limit: 10 })
    expect(due.map(({ id }) => id)).toEqual([postponed.id])
    await store.mails.delete(arrived.id)
  })

  it('lists the newest, and forgets those about a user and no other', async () => {
    const { store } = open()
    await takeAll(store)
    const user_id = newUserId()
    const gone = buildMail({ user_id, created_at: seconds(start + 3) })
    const old = buildMail({ created_at: seconds(start + 1) })
    const newest = buildMail({ user_id: newUserId(), created_at: seconds(start + 2) })
    for (const row of [gone, old, newest]) await store.mails.insert(row, many)
    expect(await store.mails.listNewest(2)).toEqual([gone, newest])
    await store.mails.deleteByUser(user_id)
    expect(await store.mails.listNewest(10)).toEqual([newest, old])
  })
}
