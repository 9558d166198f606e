import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

/** What the table of used identifiers promises on every database. */
export function describeUsedIdentifiers(open: OpenForSuite): void {
  it('lets one of 50 parallel uses be the first, from two processes', async () => {
    const { store, second } = open()
    const row = { kind: 'client_assertion', hash: randomToken(32), expires_at: seconds(start + 60) }
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : second).usedIdentifiers.consume(row)),
    )
    expect(outcomes.filter((first) => first)).toHaveLength(1)
    expect(await store.usedIdentifiers.consume({ ...row, kind: 'dpop' })).toBe(true)
    expect(await store.usedIdentifiers.consume({ ...row, hash: randomToken(32) })).toBe(true)
    expect(await second.usedIdentifiers.consume(row)).toBe(false)
  })
}
