import { type RawBuilder, sql } from 'kysely'
import type { Connection } from './database.ts'
import type { Schema } from './schema.ts'

interface ExpiringTable {
  readonly table: keyof Schema
  readonly key: readonly string[]
  /** What must hold besides `expires_at` having passed. */
  readonly also?: (now: number) => RawBuilder<boolean>
}

const expiringTables: readonly ExpiringTable[] = [
  { table: 'sessions', key: ['id'] },
  // A grant outlives its end by its access tokens: who ends the session must still find what to revoke.
  { table: 'grants', key: ['id'], also: (now) => sql`access_expires_at <= ${now}` },
  { table: 'client_secrets', key: ['id'] },
  { table: 'signing_keys', key: ['kid'] },
  // The last ones stay: readers look for the one that they read last, to see that they still read the same history.
  { table: 'revocations', key: ['seq'], also: () => sql`seq <= (select max(seq) from revocations) - 100` },
  { table: 'used_identifiers', key: ['kind', 'hash'] },
  { table: 'sign_in_failures', key: ['key'] },
  { table: 'familiar_addresses', key: ['user_id', 'address'] },
  { table: 'setup_tokens', key: ['hash'] },
  { table: 'authorization_codes', key: ['hash'] },
  { table: 'flows', key: ['id_hash'] },
  { table: 'pushed_requests', key: ['hash'] },
  { table: 'decoupled_requests', key: ['hash'] },
  { table: 'session_clients', key: ['session_id', 'client_id'] },
  // Those that are under way are given up by whoever delivers them, and that is noted: mails here, and `logout_deliveries`.
  { table: 'mails', key: ['id'], also: () => sql`delivered_at is not null` },
  { table: 'mailed_proofs', key: ['hash'] },
  { table: 'initial_access_tokens', key: ['hash'] },
  { table: 'kept_forms', key: ['hash'] },
  { table: 'remembered_devices', key: ['hash'] },
  { table: 'organisation_invitations', key: ['organisation_id', 'email'] },
  { table: 'provider_sign_ins', key: ['state_hash'] },
  { table: 'provider_sessions', key: ['id'] },
  { table: 'refusals', key: ['id'] },
]

/**
 * Removes what has expired by the removal clock, at most `limit` rows of each table, the oldest first, and returns how many rows went. One
 * small statement after the other, so that nobody waits long behind it; rows that somebody else holds are left for later.
 */
export async function removeExpired(connection: Connection, limit = 500): Promise<number> {
  let removed = 0
  for (const { table, key, also } of expiringTables) {
    const now = connection.removal.now()
    const name = sql.table(table)
    const columns = sql.join(key.map((column) => sql.ref(column)))
    const condition = also ? sql`and ${also(now)}` : sql``
    const result = await sql`delete from ${name} where (${columns}) in (
      select ${columns} from ${name} where expires_at <= ${now} ${condition}
      order by expires_at limit ${limit} ${connection.dialect.forUpdateSkippingLocked}
    )`.execute(connection.db)
    removed += Number(result.numAffectedRows ?? 0n)
  }
  return removed
}
