import type { ClientId, OrganisationId, UserId } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { ConsentRow } from '../rows.ts'

/**
 * What users have agreed to, in their own name and in that of organisations: two tables, since the first is older and has one row
 * for a user and a client. Each query that reads or puts is one statement, each that deletes is one for each table.
 */
export interface Consents {
  /** That in the name of this organisation, or in the user's own: one never stands for the other. */
  find(user: UserId, client: ClientId, organisation: OrganisationId | null): Promise<ConsentRow | undefined>
  /** Puts it in the place of what was agreed to before in the same name. */
  put(row: ConsentRow): Promise<void>
  /** All of them, by client. */
  listByUser(user: UserId): Promise<ConsentRow[]>
  /** In whosever name; whether there was one. */
  delete(user: UserId, client: ClientId): Promise<boolean>
  deleteByUser(user: UserId): Promise<void>
  /** Of a member who is none any more. */
  deleteByMember(user: UserId, organisation: OrganisationId): Promise<void>
  /** Of a client that is gone; how many. */
  deleteByClient(client: ClientId): Promise<number>
}

const ownColumns = [
  'user_id',
  'client_id',
  'scope',
  'audience',
  'authorization_details',
  'granted_at',
] as const satisfies readonly (keyof ConsentRow)[]
const tables = ['consents', 'organisation_consents'] as const

/** Builds the queries of the tables `consents` and `organisation_consents`. */
export function createConsents({ db }: Connection): Consents {
  const selectOwn = (user: UserId) =>
    db
      .selectFrom('consents')
      .select(ownColumns)
      .select(sql<OrganisationId | null>`cast(null as text)`.as('organisation_id'))
      .where('user_id', '=', user)
  const selectOfOrganisations = (user: UserId) =>
    db
      .selectFrom('organisation_consents')
      .select(ownColumns)
      .select(({ ref }) => sql<OrganisationId | null>`${ref('organisation_id')}`.as('organisation_id'))
      .where('user_id', '=', user)
  const deleteFrom = async (those: Partial<Pick<ConsentRow, 'user_id' | 'client_id'>>): Promise<number> => {
    const deleted = await Promise.all(
      tables.map((table) =>
        db
          .deleteFrom(table)
          .where(({ and }) => and(those))
          .executeTakeFirstOrThrow(),
      ),
    )
    return deleted.reduce((sum, { numDeletedRows }) => sum + Number(numDeletedRows), 0)
  }
  return {
    find: (user, client, organisation) =>
      organisation === null
        ? selectOwn(user).where('client_id', '=', client).executeTakeFirst()
        : selectOfOrganisations(user)
            .where('client_id', '=', client)
            .where('organisation_id', '=', organisation)
            .executeTakeFirst(),
    async put({ organisation_id, ...row }) {
      const { scope, audience, authorization_details, granted_at } = row
      const agreed = { scope, audience, authorization_details, granted_at }
      if (organisation_id === null) {
        await db
          .insertInto('consents')
          .values(row)
          .onConflict((conflict) => conflict.columns(['user_id', 'client_id']).doUpdateSet(agreed))
          .execute()
        return
      }
      await db
        .insertInto('organisation_consents')
        .values({ ...row, organisation_id })
        .onConflict((conflict) => conflict.columns(['user_id', 'client_id', 'organisation_id']).doUpdateSet(agreed))
        .execute()
    },
    listByUser: (user) => selectOwn(user).unionAll(selectOfOrganisations(user)).orderBy('client_id').execute(),
    delete: async (user_id, client_id) => (await deleteFrom({ user_id, client_id })) > 0,
    async deleteByUser(user_id) {
      await deleteFrom({ user_id })
    },
    async deleteByMember(user, organisation) {
      await db
        .deleteFrom('organisation_consents')
        .where('user_id', '=', user)
        .where('organisation_id', '=', organisation)
        .execute()
    },
    deleteByClient: (client_id) => deleteFrom({ client_id }),
  }
}
