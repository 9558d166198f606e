import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'

/** Codes that stand in for a second factor, each once. */
export interface RecoveryCodes {
  /** Puts new ones in the place of all that there were. Cost: a transaction of two statements. */
  replace(codes: { readonly user_id: UserId; readonly hashes: readonly string[]; readonly at: Seconds }): Promise<void>
  /** Uses one up: of any number of callers, one gets true. One statement. */
  consume(user: UserId, hash: string): Promise<boolean>
  /** How many are left. One statement. */
  count(user: UserId): Promise<number>
}

/** Builds the queries of the table `recovery_codes`. */
export function createRecoveryCodes(connection: Connection): RecoveryCodes {
  const { db } = connection
  return {
    replace: ({ user_id, hashes, at }) =>
      connection.transaction(async (inner) => {
        await inner.db.deleteFrom('recovery_codes').where('user_id', '=', user_id).execute()
        if (hashes.length === 0) return
        await inner.db
          .insertInto('recovery_codes')
          .values(hashes.map((hash) => ({ user_id, hash, created_at: at })))
          .execute()
      }),
    async consume(user, hash) {
      const { numDeletedRows } = await db
        .deleteFrom('recovery_codes')
        .where('user_id', '=', user)
        .where('hash', '=', hash)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async count(user) {
      const { count } = await db
        .selectFrom('recovery_codes')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('user_id', '=', user)
        .executeTakeFirstOrThrow()
      return count
    },
  }
}
