import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { RevocationRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const columns = [
  'seq',
  'kind',
  'value',
  'issued_before',
  'expires_at',
] as const satisfies readonly (keyof RevocationRow)[]

const from = defineStatement<{ seq: number; now: Seconds; limit: number }, RevocationRow>(
  'revocations.from',
  ({ db, parameter }) =>
    db
      .selectFrom('revocations')
      .select(columns)
      .where('seq', '>=', parameter('seq'))
      .where((where) => where.or([where('expires_at', '>', parameter('now')), where('seq', '=', parameter('seq'))]))
      .orderBy('seq')
      .limit(parameter('limit')),
)

/** Entries in one statement: a parameter for each value, and SQLite takes 32,766 of them. */
const insertLimit = 1000

/** What is no longer valid although it has not expired. */
export interface Revocations {
  /**
   * Writes the entries and returns them with their numbers, in the same order. The numbers follow the order of commits: a
   * reader that has seen one has seen everything before it. All or none, also of many. Cost: one statement for each 1000;
   * on Postgres a transaction and a lock.
   */
  append(entries: readonly Omit<RevocationRow, 'seq'>[]): Promise<RevocationRow[]>
  /**
   * The entry of a number, expired or not, and what came after it and has not expired by the removal clock, the oldest first: who
   * passed one over while the clock was ahead would miss it for good. A reader that finds
   * there what it read last knows that nothing was taken from under it. Hot: compiled once.
   */
  from(seq: number, limit: number): Promise<RevocationRow[]>
  /**
   * The last entry. It is kept even when it expires, and some before it; where it has gone, or is another one, the database is
   * not what it was: it was restored, or a standby has taken over that had not received everything.
   */
  last(): Promise<RevocationRow | undefined>
}

/** Builds the queries of the table `revocations`. */
export function createRevocations(connection: Connection): Revocations {
  const { db, removal } = connection
  return {
    async append(entries) {
      if (entries.length === 0) return []
      return connection.dialect.numbersFollowCommits && entries.length <= insertLimit
        ? insert(connection, entries)
        : connection.transaction(async (inner) => {
            await inner.dialect.lockUntilCommit(inner, 'revocations')
            return insertAll(inner, entries)
          })
    },
    async from(seq, limit) {
      return [...(await from.run(connection, { seq, now: removal.now(), limit })).rows]
    },
    last: () => db.selectFrom('revocations').select(columns).orderBy('seq', 'desc').limit(1).executeTakeFirst(),
  }
}

async function insertAll(
  connection: Connection,
  entries: readonly Omit<RevocationRow, 'seq'>[],
): Promise<RevocationRow[]> {
  const rows: RevocationRow[] = []
  for (let from = 0; from < entries.length; from += insertLimit) {
    rows.push(...(await insert(connection, entries.slice(from, from + insertLimit))))
  }
  return rows
}

async function insert({ db }: Connection, entries: readonly Omit<RevocationRow, 'seq'>[]): Promise<RevocationRow[]> {
  const rows = await db
    .insertInto('revocations')
    .values([...entries])
    .returning(columns)
    .execute()
  return rows.sort((left, right) => left.seq - right.seq)
}
