import type { Seconds } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { SignInFailureRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const columns = [
  'key',
  'count',
  'first_at',
  'last_at',
  'expires_at',
] as const satisfies readonly (keyof SignInFailureRow)[]

/** As many keys as one sign-in asks for. */
const keyNames = ['k0', 'k1', 'k2', 'k3', 'k4'] as const
type SomeKeys = Readonly<Record<(typeof keyNames)[number], string>>

/** Throws RangeError for more. No key is empty: an empty parameter finds nothing. */
function asSome(keys: readonly string[]): SomeKeys {
  if (keys.length > keyNames.length) throw new RangeError(`at most ${keyNames.length} keys at a time`)
  const [k0 = '', k1 = '', k2 = '', k3 = '', k4 = ''] = keys
  return { k0, k1, k2, k3, k4 }
}

const findSome = defineStatement<SomeKeys & { now: Seconds }, SignInFailureRow>(
  'sign-in-failures.find',
  ({ db, parameter }) =>
    db
      .selectFrom('sign_in_failures')
      .select(columns)
      .where('key', 'in', keyNames.map(parameter))
      .where('expires_at', '>', parameter('now')),
)

const clearSome = defineStatement<SomeKeys>('sign-in-failures.clear', ({ db, dialect, parameter }) =>
  db
    .deleteFrom('sign_in_failures')
    .where('key', 'in', (query) =>
      query
        .selectFrom('sign_in_failures')
        .select('key')
        .where('key', 'in', keyNames.map(parameter))
        .orderBy('key')
        .modifyEnd(dialect.forUpdate),
    ),
)

/** One failure to be counted against one key. */
export interface SignInFailure {
  readonly key: string
  readonly at: Seconds
  /** When the count that this failure begins is forgotten; later failures do not put that off. */
  readonly expires_at: Seconds
}

/** Failures counted against accounts and addresses. Each query is one statement. */
export interface SignInFailures {
  /** Those of at most five keys that have a count that is not forgotten. */
  find(keys: readonly string[]): Promise<SignInFailureRow[]>
  /**
   * Counts one failure against each key and returns the rows as they are then. A count that was forgotten starts again at
   * 1. Failures at the same moment in any process are all counted. A key that is named twice is counted once.
   */
  record(failures: readonly SignInFailure[]): Promise<SignInFailureRow[]>
  /** Forgets the counts of at most five keys. */
  clear(keys: readonly string[]): Promise<void>
  /** Forgets every count whose key begins so, and how many those were. Cost: as many rows as it forgets. */
  clearBeginningWith(prefix: string): Promise<number>
}

/** Builds the queries of the table `sign_in_failures`. */
export function createSignInFailures(connection: Connection): SignInFailures {
  const { db, clock, dialect } = connection
  return {
    async find(keys) {
      return [...(await findSome.run(connection, { ...asSome(keys), now: clock.now() })).rows]
    },
    async record(failures) {
      if (failures.length === 0) return []
      return db
        .insertInto('sign_in_failures')
        .values(
          inKeyOrder(failures).map(({ key, at, expires_at }) => ({
            key,
            count: 1,
            first_at: at,
            last_at: at,
            expires_at,
          })),
        )
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet(({ ref }) => {
            const forgotten = sql`${ref('sign_in_failures.expires_at')} <= ${ref('excluded.last_at')}`
            return {
              count: sql<number>`case when ${forgotten} then 1 else ${ref('sign_in_failures.count')} + 1 end`,
              first_at: sql<Seconds>`case when ${forgotten} then ${ref('excluded.first_at')} else ${ref('sign_in_failures.first_at')} end`,
              last_at: ref('excluded.last_at'),
              expires_at: sql<Seconds>`case when ${forgotten} then ${ref('excluded.expires_at')} else ${ref('sign_in_failures.expires_at')} end`,
            }
          }),
        )
        .returningAll()
        .execute()
    },
    async clear(keys) {
      if (keys.length > 0) await clearSome.run(connection, asSome(keys))
    },
    async clearBeginningWith(prefix) {
      const { numDeletedRows } = await db
        .deleteFrom('sign_in_failures')
        .where('key', 'in', (query) =>
          query
            .selectFrom('sign_in_failures')
            .select('key')
            // By the order of the key, which an index has: bytes on both databases, and no key goes beyond.
            .where('key', '>=', prefix)
            .where('key', '<', `${prefix}\u{10ffff}`)
            .orderBy('key')
            .modifyEnd(dialect.forUpdate),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}

/** Each key once and in one order for all, so that two callers with the same keys cannot deadlock. */
function inKeyOrder(failures: readonly SignInFailure[]): SignInFailure[] {
  const byKey = new Map(failures.map((failure) => [failure.key, failure]))
  return [...byKey.values()].sort((left, right) => (left.key < right.key ? -1 : 1))
}
