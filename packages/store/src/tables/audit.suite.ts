import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildEvent } from '../testing/rows.ts'

/** What the table of audit events promises on every database. */
export function describeAudit(open: OpenForSuite): void {
  it('lists the latest first, page by page, by type and by target', async () => {
    const { audit } = open().store
    for (const target of ['t1', 't2', 't1']) await audit.append(buildEvent({ type: 'listed', target }))
    await audit.append(buildEvent({ type: 'other', target: 't1' }))
    const all = await audit.list({ limit: 10, type: 'listed' })
    expect(all.map((event) => event.target)).toEqual(['t1', 't2', 't1'])
    expect(all[0]).toEqual({ ...buildEvent({ type: 'listed', target: 't1' }), id: all[0]?.id, count: 1 })
    const [newest] = all
    expect(await audit.list({ limit: 1, type: 'listed', before: newest?.id ?? 0 })).toEqual([all[1]])
    expect(await audit.list({ limit: 10, target: 't1' })).toHaveLength(3)
    expect(await audit.list({ limit: 10, target: 't1', type: 'other' })).toHaveLength(1)
  })

  it('writes several at once, in their order', async () => {
    const { audit } = open().store
    const events = ['t1', 't2', 't3'].map((target) => buildEvent({ type: 'together', target }))
    await audit.appendAll(events.map(({ fold_key: _none, ...event }) => event))
    await audit.appendAll([])
    const found = await audit.list({ limit: 10, type: 'together' })
    expect(found.map(({ target, count }) => [target, count])).toEqual([
      ['t3', 1],
      ['t2', 1],
      ['t1', 1],
    ])
  })

  it('folds events with one key into one row and counts every one', async () => {
    const { store, second } = open()
    const event = buildEvent({ type: 'folded', fold_key: 'fold:1' })
    const appended = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : second).audit.append(event)),
    )
    expect(appended.filter(Boolean)).toHaveLength(1)
    expect(await store.audit.append({ ...event, fold_key: 'fold:2' })).toBe(true)
    // What has happened several times counts as often.
    for (const [count, isNew] of [
      [3, true],
      [4, false],
    ] as const)
      expect(await store.audit.append({ ...event, fold_key: 'fold:3', count })).toBe(isNew)
    const rows = await store.audit.list({ limit: 100, type: 'folded' })
    expect(rows.map((row) => [row.fold_key, row.count])).toEqual([
      ['fold:3', 7],
      ['fold:2', 1],
      ['fold:1', 50],
    ])
  })

  it('removes events from before a moment, the oldest first and no more than asked', async () => {
    const { audit } = open().store
    const at = (moment: number) => seconds(1000 + moment)
    for (const moment of [3, 1, 2, 4]) await audit.append(buildEvent({ type: 'old', at: at(moment) }))
    expect(await audit.removeBefore(at(4), 2)).toBe(2)
    expect((await audit.list({ limit: 10, type: 'old' })).map((event) => event.at)).toEqual([at(4), at(3)])
    expect(await audit.removeBefore(at(4), 10)).toBe(1)
    expect(await audit.removeBefore(at(4), 10)).toBe(0)
  })

  it('never folds events without a key', async () => {
    const { audit } = open().store
    await audit.append(buildEvent({ type: 'apart' }))
    await audit.append(buildEvent({ type: 'apart' }))
    expect(await audit.list({ limit: 10, type: 'apart' })).toHaveLength(2)
  })
}
