import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { PushedRequestRow } from '../rows.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

const columns = [
  'hash',
  'client_id',
  'parameters',
  'dpop_jkt',
  'created_at',
  'expires_at',
] as const satisfies readonly (keyof PushedRequestRow)[]

const insert = defineStatement<PushedRequestRow>('pushed-requests.insert', ({ db, parameter }) =>
  db.insertInto('pushed_requests').values(rowOfParameters<PushedRequestRow>(columns, parameter)),
)

/** Authorization requests that clients have pushed. Each query is one statement. */
export interface PushedRequests {
  /** Hot: compiled once. */
  insert(row: PushedRequestRow): Promise<void>
  /** One that has neither expired nor led to an answer. */
  find(hash: string, now: Seconds): Promise<PushedRequestRow | undefined>
  /** Keeps one that somebody is in the middle of at least until then; false where it is gone. */
  keep(hash: string, until: Seconds): Promise<boolean>
  /** Takes it away, once it has led to an answer; of any number of callers one gets true. */
  consume(hash: string): Promise<boolean>
}

/** Builds the queries of the table `pushed_requests`. */
export function createPushedRequests(connection: Connection): PushedRequests {
  const { db, dialect } = connection
  return {
    async insert(row) {
      await insert.run(connection, row)
    },
    find: (hash, now) =>
      db
        .selectFrom('pushed_requests')
        .selectAll()
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .executeTakeFirst(),
    async keep(hash, until) {
      const { numUpdatedRows } = await db
        .updateTable('pushed_requests')
        .set(({ ref, val }) => ({ expires_at: dialect.greatest(ref('expires_at'), val(until)) }))
        .where('hash', '=', hash)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async consume(hash) {
      const { numDeletedRows } = await db
        .deleteFrom('pushed_requests')
        .where('hash', '=', hash)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}
