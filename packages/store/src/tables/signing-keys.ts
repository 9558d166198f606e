import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { SigningKeyRow } from '../rows.ts'

/** The keys that sign tokens. */
export interface SigningKeys {
  insert(row: SigningKeyRow): Promise<void>
  /**
   * Those that have not expired, in the order in which they sign. In a transaction it first takes the lock of the keys and
   * keeps it to the end, so that of two processes that look and then rotate the second sees what the first did.
   */
  list(): Promise<SigningKeyRow[]>
  /** Sets the times that are given; false where there is no such key. */
  setTimes(change: {
    readonly kid: string
    readonly signs_from?: Seconds
    readonly signs_until?: Seconds | null
    readonly expires_at?: Seconds | null
  }): Promise<boolean>
}

/** Builds the queries of the table `signing_keys`. */
export function createSigningKeys(connection: Connection): SigningKeys {
  const { db, dialect, clock } = connection
  return {
    async insert(row) {
      await db.insertInto('signing_keys').values(row).execute()
    },
    async list() {
      if (connection.inTransaction) await dialect.lockUntilCommit(connection, 'signing-keys')
      return db
        .selectFrom('signing_keys')
        .selectAll()
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', clock.now())]))
        .orderBy('signs_from')
        .orderBy('kid')
        .execute()
    },
    async setTimes({ kid, ...times }) {
      const { numUpdatedRows } = await db
        .updateTable('signing_keys')
        // The column itself keeps the statement whole where no time is given.
        .set(({ ref }) => ({ kid: ref('kid'), ...times }))
        .where('kid', '=', kid)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}
