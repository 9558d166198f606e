import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { SetupTokenRow } from '../rows.ts'

/** One-time tokens for creating the first administrator. Each query is one statement. */
export interface SetupTokens {
  insert(row: SetupTokenRow): Promise<void>
  /** Whether there was one that had not expired; it is gone then. Of any number of callers one gets true. */
  consume(hash: string, now: Seconds): Promise<boolean>
  /** Whether there is one that has not expired; it stays. */
  isUsable(hash: string, now: Seconds): Promise<boolean>
}

/** Builds the queries of the table `setup_tokens`. */
export function createSetupTokens(connection: Connection): SetupTokens {
  const { db } = connection
  return {
    async insert(row) {
      await db.insertInto('setup_tokens').values(row).execute()
    },
    async consume(hash, now) {
      const { numDeletedRows } = await db
        .deleteFrom('setup_tokens')
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async isUsable(hash, now) {
      const row = await db
        .selectFrom('setup_tokens')
        .select('hash')
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}
