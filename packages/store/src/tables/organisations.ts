import type { OrganisationId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { OrganisationRow } from '../rows.ts'

/** Customers, teams, companies. Each query is one statement. */
export interface Organisations {
  /** Throws already_exists when the slug is taken. */
  insert(row: OrganisationRow): Promise<void>
  findById(id: OrganisationId): Promise<OrganisationRow | undefined>
  findBySlug(slug: string): Promise<OrganisationRow | undefined>
  /** In the order of the slugs, byte by byte, from after the given one. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<OrganisationRow[]>
  /** False where there is no such organisation. */
  setStatus(id: OrganisationId, status: OrganisationRow['status']): Promise<boolean>
  /**
   * Takes the row's lock until the transaction ends, if the organisation is active; false otherwise. Writes the row as it is.
   * Whoever changes who belongs to it holds it first: of two changes at once, the second sees the first.
   */
  hold(id: OrganisationId): Promise<boolean>
}

/** Builds the queries of the table `organisations`. */
export function createOrganisations({ db }: Connection): Organisations {
  return {
    async insert(row) {
      await db.insertInto('organisations').values(row).execute()
    },
    findById: (id) => db.selectFrom('organisations').selectAll().where('id', '=', id).executeTakeFirst(),
    findBySlug: (slug) => db.selectFrom('organisations').selectAll().where('slug', '=', slug).executeTakeFirst(),
    list: ({ after, limit }) =>
      db
        .selectFrom('organisations')
        .selectAll()
        .$if(after !== undefined, (query) => query.where('slug', '>', after ?? ''))
        .orderBy('slug')
        .limit(limit)
        .execute(),
    async setStatus(id, status) {
      const { numUpdatedRows } = await db
        .updateTable('organisations')
        .set({ status })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async hold(id) {
      const { numUpdatedRows } = await db
        .updateTable('organisations')
        .set(({ ref }) => ({ status: ref('status') }))
        .where('id', '=', id)
        .where('status', '=', 'active')
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}
