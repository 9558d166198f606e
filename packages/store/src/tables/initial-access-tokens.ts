import type { Seconds } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { InitialAccessTokenRow } from '../rows.ts'

/** Tokens by which clients may register themselves. Each query is one statement. */
export interface InitialAccessTokens {
  insert(row: InitialAccessTokenRow): Promise<void>
  /** One that is still good. */
  find(hash: string, now: Seconds): Promise<InitialAccessTokenRow | undefined>
  /** Uses it once, if it is still good; of any number of callers no more get true than uses were left. */
  consume(hash: string, now: Seconds): Promise<boolean>
}

/** Builds the queries of the table `initial_access_tokens`. */
export function createInitialAccessTokens({ db }: Connection): InitialAccessTokens {
  return {
    async insert(row) {
      await db.insertInto('initial_access_tokens').values(row).execute()
    },
    find: (hash, now) =>
      db
        .selectFrom('initial_access_tokens')
        .selectAll()
        .where('hash', '=', hash)
        .where('uses_left', '>', 0)
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    async consume(hash, now) {
      const { numUpdatedRows } = await db
        .updateTable('initial_access_tokens')
        .set(({ ref }) => ({ uses_left: sql<number>`${ref('uses_left')} - 1` }))
        .where('hash', '=', hash)
        .where('uses_left', '>', 0)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}
