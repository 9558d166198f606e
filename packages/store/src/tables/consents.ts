import type { ClientId, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { ConsentRow } from '../rows.ts'

/** What users have agreed to. Each query is one statement. */
export interface Consents {
  find(user: UserId, client: ClientId): Promise<ConsentRow | undefined>
  /** Puts it in the place of what was agreed to before. */
  put(row: ConsentRow): Promise<void>
  listByUser(user: UserId): Promise<ConsentRow[]>
  /** Whether there was one. */
  delete(user: UserId, client: ClientId): Promise<boolean>
  deleteByUser(user: UserId): Promise<void>
  /** Of a client that is gone; how many. */
  deleteByClient(client: ClientId): Promise<number>
}

/** Builds the queries of the table `consents`. */
export function createConsents({ db }: Connection): Consents {
  return {
    find: (user, client) =>
      db
        .selectFrom('consents')
        .selectAll()
        .where('user_id', '=', user)
        .where('client_id', '=', client)
        .executeTakeFirst(),
    async put(row) {
      const { scope, audience, authorization_details, granted_at } = row
      await db
        .insertInto('consents')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['user_id', 'client_id'])
            .doUpdateSet({ scope, audience, authorization_details, granted_at }),
        )
        .execute()
    },
    listByUser: (user) =>
      db.selectFrom('consents').selectAll().where('user_id', '=', user).orderBy('client_id').execute(),
    async delete(user, client) {
      const { numDeletedRows } = await db
        .deleteFrom('consents')
        .where('user_id', '=', user)
        .where('client_id', '=', client)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async deleteByUser(user) {
      await db.deleteFrom('consents').where('user_id', '=', user).execute()
    },
    async deleteByClient(client) {
      const { numDeletedRows } = await db
        .deleteFrom('consents')
        .where('client_id', '=', client)
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}
