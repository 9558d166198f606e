import type { Connection } from '../database.ts'
import type { UsedIdentifierRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const consume = defineStatement<UsedIdentifierRow>('used-identifiers.consume', ({ db, parameter }) =>
  db
    .insertInto('used_identifiers')
    .values({ kind: parameter('kind'), hash: parameter('hash'), expires_at: parameter('expires_at') })
    .onConflict((conflict) => conflict.columns(['kind', 'hash']).doNothing()),
)

/** Identifiers that may be used once. */
export interface UsedIdentifiers {
  /**
   * Whether this is the first use. Of any number of callers at once, in any process, one gets true. Hot: one statement,
   * compiled once. Stops: replay of client assertions and proofs.
   */
  consume(row: UsedIdentifierRow): Promise<boolean>
}

/** Builds the queries of the table `used_identifiers`. */
export function createUsedIdentifiers(connection: Connection): UsedIdentifiers {
  return { consume: async (row) => (await consume.run(connection, row)).changes > 0 }
}
