import { newDecisionId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildRefusal, start } from '../testing/rows.ts'

/** What the table of refusals promises on every database. */
export function describeRefusals(open: OpenForSuite): void {
  it('finds each of several that were written at once', async () => {
    const { refusals } = open().store
    const rows = Array.from({ length: 40 }, () => buildRefusal({ reason: 'the token says "Zoë"' }))
    await refusals.append(rows)
    for (const row of rows.slice(0, 3)) expect(await refusals.find(row.id)).toEqual(row)
    expect(await refusals.find(newDecisionId())).toBeUndefined()
    await refusals.append([])
  })

  it('keeps the first of two with one id, and writes the others', async () => {
    const { refusals } = open().store
    const row = buildRefusal()
    const other = buildRefusal()
    await refusals.append([row])
    await refusals.append([{ ...row, reason: 'another' }, other])
    expect(await refusals.find(row.id)).toEqual(row)
    expect(await refusals.find(other.id)).toEqual(other)
  })

  it('removes the oldest beyond a number, in chunks', async () => {
    const { refusals } = open().store
    while ((await refusals.removeBeyond(0, 500)) > 0);
    const rows = Array.from({ length: 10 }, (_, index) => buildRefusal({ expires_at: seconds(start + 1000 + index) }))
    await refusals.append(rows)
    expect([await refusals.removeBeyond(4, 5), await refusals.removeBeyond(4, 5)]).toEqual([5, 1])
    expect(await refusals.removeBeyond(4, 5)).toBe(0)
    const kept = await Promise.all(rows.map(({ id }) => refusals.find(id)))
    expect(kept.map((row) => row !== undefined)).toEqual([...Array(6).fill(false), ...Array(4).fill(true)])
  })
}
