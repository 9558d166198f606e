import { newUserId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

/** What the table of familiar addresses promises on every database. */
export function describeFamiliarAddresses(open: OpenForSuite): void {
  it('remembers an address of one account until its time', async () => {
    const { familiarAddresses } = open().store
    const user = newUserId()
    const address = '2001:db8::1'
    await familiarAddresses.remember({ user_id: user, address, expires_at: seconds(start + 10) })
    expect(await familiarAddresses.has(user, address, seconds(start + 9))).toBe(true)
    expect(await familiarAddresses.has(user, address, seconds(start + 10))).toBe(false)
    expect(await familiarAddresses.has(user, '2001:db8::2', start)).toBe(false)
    expect(await familiarAddresses.has(newUserId(), address, start)).toBe(false)
    await familiarAddresses.remember({ user_id: user, address, expires_at: seconds(start + 20) })
    expect(await familiarAddresses.has(user, address, seconds(start + 19))).toBe(true)
  })

  it('forgets those of a user and no other', async () => {
    const { familiarAddresses } = open().store
    const [user, other] = [newUserId(), newUserId()]
    for (const user_id of [user, other]) {
      await familiarAddresses.remember({ user_id, address: '192.0.2.1', expires_at: seconds(start + 10) })
    }
    await familiarAddresses.deleteByUser(user)
    expect(await familiarAddresses.has(user, '192.0.2.1', start)).toBe(false)
    expect(await familiarAddresses.has(other, '192.0.2.1', start)).toBe(true)
  })
}
