import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { Store } from '../store.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildSigningKey, start } from '../testing/rows.ts'

/** What the table of signing keys promises on every database. */
export function describeSigningKeys(open: OpenForSuite): void {
  it('lists those that have not expired and sets the times that are given', async () => {
    const { signingKeys } = open().store
    const key = buildSigningKey()
    await signingKeys.insert(key)
    await signingKeys.insert(buildSigningKey({ expires_at: start }))
    expect(await signingKeys.list()).toEqual([key])
    expect(await signingKeys.setTimes({ kid: key.kid, signs_until: seconds(start + 5) })).toBe(true)
    expect(await signingKeys.list()).toEqual([{ ...key, signs_until: start + 5 }])
    expect(await signingKeys.setTimes({ kid: key.kid })).toBe(true)
    expect(await signingKeys.setTimes({ kid: 'unknown', signs_from: start })).toBe(false)
    expect(await signingKeys.setTimes({ kid: key.kid, expires_at: start })).toBe(true)
    expect(await signingKeys.list()).toEqual([])
  })

  it('rotates once when several processes look and rotate at the same time', async () => {
    const { store, second } = open()
    const rotate = (from: Store) =>
      from.transaction(async ({ signingKeys }) => {
        const keys = await signingKeys.list()
        if (keys.length > 0) return false
        await signingKeys.insert(buildSigningKey())
        return true
      })
    const outcomes = await Promise.all([rotate(store), rotate(second), rotate(store), rotate(second)])
    expect(outcomes.filter((rotated) => rotated)).toHaveLength(1)
  })
}
