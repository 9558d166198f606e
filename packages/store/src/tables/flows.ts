import type { Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { FlowRow } from '../rows.ts'

/** What people are in the middle of. Each query is one statement. */
export interface Flows {
  insert(row: FlowRow): Promise<void>
  /** The flow, if it belongs to that browser and has not expired. */
  find(flow: {
    readonly id_hash: string
    readonly browser_hash: string
    readonly now: Seconds
  }): Promise<FlowRow | undefined>
  /** What an application asked for, and which, in whatever browser it was begun, until it expires. */
  findAsked(flow: {
    readonly id_hash: string
    readonly now: Seconds
  }): Promise<Pick<FlowRow, 'parameters' | 'client_id'> | undefined>
  /** Notes for which session it goes on; false where it has ended meanwhile. */
  setSession(flow: { readonly id_hash: string; readonly session_id: SessionId }): Promise<boolean>
  /** Notes what has been proven in it, and by whom; false where it has ended meanwhile. */
  prove(
    proof: Pick<FlowRow, 'id_hash' | 'proven' | 'provider_session'> & { readonly user_id: UserId },
  ): Promise<boolean>
  /** Ends it: of any number of callers at once, one gets true. */
  consume(id_hash: string): Promise<boolean>
  /** Ends those in which a user has proven something: what was proven may count no longer. */
  deleteByUser(user: UserId): Promise<void>
  /** Removes all but the newest `keep` of a browser: a browser that begins without end fills nothing. */
  removeAllBut(browser: { readonly browser_hash: string; readonly keep: number }): Promise<void>
}

/** Builds the queries of the table `flows`. */
export function createFlows({ db, dialect }: Connection): Flows {
  return {
    async insert(row) {
      await db.insertInto('flows').values(row).execute()
    },
    find: ({ id_hash, browser_hash, now }) =>
      db
        .selectFrom('flows')
        .selectAll()
        .where('id_hash', '=', id_hash)
        .where('browser_hash', '=', browser_hash)
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    findAsked: ({ id_hash, now }) =>
      db
        .selectFrom('flows')
        .select(['parameters', 'client_id'])
        .where('id_hash', '=', id_hash)
        .where('kind', '=', 'authorize')
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    async setSession({ id_hash, session_id }) {
      const { numUpdatedRows } = await db
        .updateTable('flows')
        .set({ session_id })
        .where('id_hash', '=', id_hash)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async prove({ id_hash, ...proof }) {
      const { numUpdatedRows } = await db
        .updateTable('flows')
        .set(proof)
        .where('id_hash', '=', id_hash)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async consume(id_hash) {
      const { numDeletedRows } = await db.deleteFrom('flows').where('id_hash', '=', id_hash).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async deleteByUser(user) {
      await db
        .deleteFrom('flows')
        .where('id_hash', 'in', (query) =>
          query
            .selectFrom('flows')
            .select('id_hash')
            .where('user_id', '=', user)
            .orderBy('id_hash')
            .modifyEnd(dialect.forUpdate),
        )
        .execute()
    },
    async removeAllBut({ browser_hash, keep }) {
      await db
        .deleteFrom('flows')
        .where('id_hash', 'in', (query) =>
          query
            .selectFrom('flows')
            .select('id_hash')
            .where('browser_hash', '=', browser_hash)
            .where('id_hash', 'not in', (newest) =>
              newest
                .selectFrom('flows')
                .select('id_hash')
                .where('browser_hash', '=', browser_hash)
                .orderBy('created_at', 'desc')
                .orderBy('id_hash')
                .limit(keep),
            )
            .orderBy('id_hash')
            .modifyEnd(dialect.forUpdate),
        )
        .execute()
    },
  }
}
