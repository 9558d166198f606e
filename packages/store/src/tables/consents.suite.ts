import type { OrganisationId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildConsent, start } from '../testing/rows.ts'

const [acme, globex] = ['org_acme', 'org_globex'] as [OrganisationId, OrganisationId] // any names will do

/** What the table of consents promises on every database. */
export function describeConsents(open: OpenForSuite): void {
  it('keeps one consent for a user and a client: the last one', async () => {
    const { store, second } = open()
    const first = buildConsent()
    const { user_id, client_id } = first
    await Promise.all([store, second, store].map(({ consents }) => consents.put(first)))
    expect(await store.consents.find(user_id, client_id, null)).toEqual(first)
    const next = {
      ...first,
      scope: 'openid orders:read',
      audience: 'https://auth.example.com/orders',
      authorization_details: '[]',
      granted_at: seconds(start + 9),
    }
    await second.consents.put(next)
    expect(await store.consents.find(user_id, client_id, null)).toEqual(next)
    expect(await store.consents.find(user_id, buildConsent().client_id, null)).toBeUndefined()
    expect(await store.consents.find(buildConsent().user_id, client_id, null)).toBeUndefined()
  })

  it('keeps one for each organisation, and takes none for another', async () => {
    const { store, second } = open()
    const own = buildConsent()
    const { user_id, client_id } = own
    const ofAcme = { ...own, organisation_id: acme, scope: 'openid orders:read', authorization_details: '[]' }
    const find = (organisation: OrganisationId | null) => store.consents.find(user_id, client_id, organisation)
    await store.consents.put(own)
    expect(await find(acme)).toBeUndefined()
    await Promise.all([store, second, store].map(({ consents }) => consents.put(ofAcme)))
    expect([await find(null), await find(acme), await find(globex)]).toEqual([own, ofAcme, undefined])
    const next = {
      ...ofAcme,
      scope: 'openid',
      audience: '',
      authorization_details: null,
      granted_at: seconds(start + 9),
    }
    await second.consents.put(next)
    await store.consents.put({ ...ofAcme, organisation_id: globex })
    expect([await find(null), await find(acme)]).toEqual([own, next])
    await store.consents.deleteByMember(buildConsent().user_id, acme)
    await store.consents.deleteByMember(user_id, acme)
    expect([await find(null), await find(acme)]).toEqual([own, undefined])
    expect(await find(globex)).toBeDefined()
  })

  it('lists those of a user by client', async () => {
    const { consents } = open().store
    const { user_id } = buildConsent()
    const rows = [buildConsent({ user_id }), buildConsent({ user_id })]
    for (const row of [...rows, buildConsent()]) await consents.put(row)
    const byClient = [...rows].sort((left, right) => (left.client_id < right.client_id ? -1 : 1))
    expect(await consents.listByUser(user_id)).toEqual(byClient)
    const inAName = { ...buildConsent({ user_id }), organisation_id: acme }
    await consents.put(inAName)
    const all = await consents.listByUser(user_id)
    expect(all).toHaveLength(3)
    expect(all).toContainEqual(inAName)
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
    for (const { user_id } of [first, second])
      await consents.put(buildConsent({ user_id, client_id, organisation_id: acme }))
    expect(await consents.delete(first.user_id, client_id)).toBe(true)
    expect(await consents.delete(first.user_id, client_id)).toBe(false)
    expect(await consents.listByUser(first.user_id)).toEqual([])
    expect(await consents.deleteByClient(client_id)).toBe(3)
    expect(await consents.listByUser(second.user_id)).toEqual([])
    expect(await consents.find(other.user_id, other.client_id, null)).toEqual(other)
  })

  it('deletes those of a user and no other', async () => {
    const { consents } = open().store
    const { user_id } = buildConsent()
    const other = buildConsent()
    const rows = [buildConsent({ user_id }), buildConsent({ user_id, organisation_id: acme }), other]
    for (const row of rows) await consents.put(row)
    await consents.deleteByUser(user_id)
    expect(await consents.listByUser(user_id)).toEqual([])
    expect(await consents.listByUser(other.user_id)).toEqual([other])
  })
}
