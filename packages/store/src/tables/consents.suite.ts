import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildConsent, start } from '../testing/rows.ts'

/** What the table of consents promises on every database. */
export function describeConsents(open: OpenForSuite): void {
  it('keeps one consent for a user and a client: the last one', async () => {
    const { store, second } = open()
    const first = buildConsent()
    const { user_id, client_id } = first
    await Promise.all([store, second, store].map(({ consents }) => consents.put(first)))
    expect(await store.consents.find(user_id, client_id)).toEqual(first)
    const next = {
      ...first,
      scope: 'openid orders:read',
      audience: 'https://auth.example.com/orders',
      authorization_details: '[]',
      granted_at: seconds(start + 9),
    }
    await second.consents.put(next)
    expect(await store.consents.find(user_id, client_id)).toEqual(next)
    expect(await store.consents.find(user_id, buildConsent().client_id)).toBeUndefined()
    expect(await store.consents.find(buildConsent().user_id, client_id)).toBeUndefined()
  })

  it('lists those of a user by client', async () => {
    const { consents } = open().store
    const { user_id } = buildConsent()
    const rows = [buildConsent({ user_id }), buildConsent({ user_id })]
    for (const row of [...rows, buildConsent()]) await consents.put(row)
    const byClient = [...rows].sort((left, right) => (left.client_id < right.client_id ? -1 : 1))
    expect(await consents.listByUser(user_id)).toEqual(byClient)
  })

  it('takes back one consent, or all of a client', async () => {
    const { consents } = open().store
    const { client_id } = buildConsent()
    const [first, second, third] = [
      buildConsent({ client_id }),
      buildConsent({ client_id }),
      buildConsent({ client_id }),
    ]
    const other = buildConsent()
    for (const row of [first, second, third, other]) await consents.put(row)
    expect(await consents.delete(first.user_id, client_id)).toBe(true)
    expect(await consents.delete(first.user_id, client_id)).toBe(false)
    expect(await consents.deleteByClient(client_id)).toBe(2)
    expect(await consents.find(second.user_id, client_id)).toBeUndefined()
    expect(await consents.find(other.user_id, other.client_id)).toEqual(other)
  })

  it('deletes those of a user and no other', async () => {
    const { consents } = open().store
    const { user_id } = buildConsent()
    const other = buildConsent()
    for (const row of [buildConsent({ user_id }), buildConsent({ user_id }), other]) await consents.put(row)
    await consents.deleteByUser(user_id)
    expect(await consents.listByUser(user_id)).toEqual([])
    expect(await consents.listByUser(other.user_id)).toEqual([other])
  })
}
