import { newOrganisationId } from '@gatehouse/core/random'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildOrganisation } from '../testing/rows.ts'

/** What the table of organisations promises on every database. */
export function describeOrganisations(open: OpenForSuite): void {
  it('finds what was inserted, by id and by slug, and lets a slug be one organisation’s', async () => {
    const { store, second } = open()
    const row = buildOrganisation({ name: "Zoë & Co'; --" })
    await store.organisations.insert(row)
    expect(await store.organisations.findById(row.id)).toEqual(row)
    expect(await store.organisations.findBySlug(row.slug)).toEqual(row)
    expect(await store.organisations.findBySlug('none')).toBeUndefined()
    const again = buildOrganisation({ slug: row.slug })
    await expect(second.organisations.insert(again)).rejects.toMatchObject({ code: 'already_exists' })
  })

  it('lists page by page in the order of the bytes', async () => {
    const { organisations } = open().store
    const slugs = ['~a', '~b', '~c']
    for (const slug of [...slugs].reverse()) await organisations.insert(buildOrganisation({ slug }))
    const page = await organisations.list({ after: '~', limit: 2 })
    const rest = await organisations.list({ after: '~b', limit: 2 })
    expect([...page, ...rest].map(({ slug }) => slug)).toEqual(slugs)
  })

  it('holds one that is active, and says whether there was one whose status to set', async () => {
    const { organisations } = open().store
    const row = buildOrganisation()
    await organisations.insert(row)
    expect(await organisations.hold(row.id)).toBe(true)
    expect(await organisations.setStatus(row.id, 'disabled')).toBe(true)
    expect(await organisations.hold(row.id)).toBe(false)
    expect(await organisations.findById(row.id)).toEqual({ ...row, status: 'disabled' })
    expect(await organisations.setStatus(newOrganisationId(), 'active')).toBe(false)
    expect(await organisations.hold(newOrganisationId())).toBe(false)
  })
}
