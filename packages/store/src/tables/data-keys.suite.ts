import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

/** What the table of data keys promises on every database. */
export function describeDataKeys(open: OpenForSuite): void {
  it('keeps the first key of an id, whichever process made it', async () => {
    const { store, second } = open()
    const row = { id: '1', purpose: 'refresh-token', created_at: start }
    const outcomes = await Promise.all([
      store.dataKeys.insert({ ...row, wrapped_key: 'a' }),
      second.dataKeys.insert({ ...row, wrapped_key: 'b' }),
    ])
    expect(outcomes.filter((inserted) => inserted)).toHaveLength(1)
    expect(await store.dataKeys.insert({ ...row, purpose: 'signing-key', wrapped_key: 'c' })).toBe(true)
    expect(await store.dataKeys.insert({ ...row, id: '2', wrapped_key: 'd' })).toBe(true)
    expect((await store.dataKeys.list()).map((key) => [key.purpose, key.id, key.wrapped_key])).toEqual([
      ['refresh-token', '1', outcomes[0] ? 'a' : 'b'],
      ['refresh-token', '2', 'd'],
      ['signing-key', '1', 'c'],
    ])
  })
}
