import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

/** What the table of setup tokens promises on every database. */
export function describeSetupTokens(open: OpenForSuite): void {
  it('is consumed once, and not after its time', async () => {
    const { store, second } = open()
    const [token, expired] = [randomToken(32), randomToken(32)]
    await store.setupTokens.insert({ hash: token, expires_at: seconds(start + 10) })
    await store.setupTokens.insert({ hash: expired, expires_at: start })
    expect(await store.setupTokens.isUsable(token, start)).toBe(true)
    expect(await store.setupTokens.isUsable(expired, start)).toBe(false)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : second).setupTokens.consume(token, start)),
    )
    expect(outcomes.filter((consumed) => consumed)).toHaveLength(1)
    expect(await store.setupTokens.consume(expired, start)).toBe(false)
    expect(await store.setupTokens.isUsable(token, start)).toBe(false)
  })
}
