import type { UserId } from '@gatehouse/core/brand'
import { newOrganisationId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildOrganisationInvitation, start } from '../testing/rows.ts'

/** What the table of invitations promises on every database. */
export function describeOrganisationInvitations(open: OpenForSuite): void {
  it('hands an invitation to one of several who use it at once', async () => {
    const { store, second } = open()
    const row = buildOrganisationInvitation()
    await store.organisationInvitations.put(row)
    expect(await store.organisationInvitations.find(row.hash, start)).toEqual(row)
    const outcomes = await Promise.all(
      [store, second, store].map(({ organisationInvitations }) => organisationInvitations.consume(row.hash, start)),
    )
    expect(outcomes.filter((got) => got !== undefined)).toEqual([row])
    expect(await store.organisationInvitations.find(row.hash, start)).toBeUndefined()
  })

  it('neither finds nor hands out one that has expired', async () => {
    const { organisationInvitations } = open().store
    const row = buildOrganisationInvitation()
    await organisationInvitations.put(row)
    expect(await organisationInvitations.find(row.hash, row.expires_at)).toBeUndefined()
    expect(await organisationInvitations.consume(row.hash, row.expires_at)).toBeUndefined()
    const { organisation_id } = row
    expect(await organisationInvitations.count(organisation_id, row.expires_at)).toBe(0)
    expect(await organisationInvitations.list({ organisation_id, now: row.expires_at, limit: 5 })).toEqual([])
  })

  it('has one for each organisation and address: a newer one takes the place of the older', async () => {
    const { organisationInvitations } = open().store
    const older = buildOrganisationInvitation()
    const newer = {
      ...buildOrganisationInvitation(),
      ...{ organisation_id: older.organisation_id, email: older.email },
    }
    const elsewhere = buildOrganisationInvitation({ email: older.email })
    for (const row of [older, elsewhere, newer]) await organisationInvitations.put(row)
    expect(await organisationInvitations.consume(older.hash, start)).toBeUndefined()
    expect(await organisationInvitations.find(newer.hash, start)).toEqual(newer)
    expect(await organisationInvitations.find(elsewhere.hash, start)).toEqual(elsewhere)
  })

  it('lists, counts and deletes those of one organisation', async () => {
    const { organisationInvitations } = open().store
    const organisation_id = newOrganisationId()
    const rows = ['a@x.test', 'b@x.test', 'c@x.test'].map((email) =>
      buildOrganisationInvitation({ organisation_id, email }),
    )
    for (const row of [...rows].reverse()) await organisationInvitations.put(row)
    const page = { organisation_id, now: seconds(start + 1), limit: 2 }
    const first = await organisationInvitations.list(page)
    expect([...first, ...(await organisationInvitations.list({ ...page, after: 'b@x.test' }))]).toEqual(rows)
    expect(await organisationInvitations.count(organisation_id, start)).toBe(3)
    const other = { organisation_id: newOrganisationId(), email: 'a@x.test' }
    expect(await organisationInvitations.delete(other)).toBe(false)
    expect(await organisationInvitations.delete({ organisation_id, email: 'a@x.test' })).toBe(true)
    expect(await organisationInvitations.count(organisation_id, start)).toBe(2)
    const [, left] = rows
    await organisationInvitations.deleteByInviter(left?.invited_by as UserId, newOrganisationId())
    expect(await organisationInvitations.count(organisation_id, start)).toBe(2)
    await organisationInvitations.deleteByInviter(left?.invited_by as UserId, organisation_id)
    expect(await organisationInvitations.list({ ...page, limit: 5 })).toEqual([rows[2]])
    await organisationInvitations.deleteByInviter(rows[2]?.invited_by as UserId)
    expect(await organisationInvitations.count(organisation_id, start)).toBe(0)
  })
}
