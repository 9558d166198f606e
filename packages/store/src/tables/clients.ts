import type { ClientId, Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { ClientRow, ClientSecretRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const clientColumns = [
  'id',
  'name',
  'status',
  'auth_method',
  'grant_types',
  'scopes',
  'audiences',
  'first_party',
  'jwks',
  'metadata',
  'is_dynamic',
  'registration_token_hash',
  'used_at',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ClientRow)[]

const secretColumns = [
  'id',
  'client_id',
  'hash',
  'sealed',
  'created_at',
  'expires_at',
] as const satisfies readonly (keyof ClientSecretRow)[]

const findClient = defineStatement<{ id: ClientId }, ClientRow>('clients.find', ({ db, parameter }) =>
  db.selectFrom('clients').select(clientColumns).where('id', '=', parameter('id')),
)

const findSecrets = defineStatement<{ id: ClientId; now: Seconds }, ClientSecretRow>(
  'clients.find-secrets',
  ({ db, parameter }) =>
    db
      .selectFrom('client_secrets')
      .select(secretColumns)
      .where('client_id', '=', parameter('id'))
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', parameter('now'))]))
      .orderBy('created_at')
      .orderBy('id'),
)

/** A client together with its secrets that have not expired, the oldest first. */
export interface ClientWithSecrets extends ClientRow {
  readonly secrets: readonly ClientSecretRow[]
}

/** Clients that were added at run time, and their secrets. */
export interface Clients {
  /** Throws already_exists when the id is taken. */
  insert(row: ClientRow): Promise<void>
  /** Cost: two statements, compiled once. */
  find(id: ClientId): Promise<ClientWithSecrets | undefined>
  /** In the order of their ids, from after the given one; all of them without a limit. */
  list(page?: { readonly after?: string; readonly limit?: number }): Promise<ClientRow[]>
  /** False where there is no such client. */
  setStatus(change: {
    readonly id: ClientId
    readonly status: ClientRow['status']
    readonly at: Seconds
  }): Promise<boolean>
  /** Puts what it is registered with in the place of what was there (RFC 7592 section 2.2); false where there is none. */
  replace(
    client: Pick<
      ClientRow,
      | 'id'
      | 'name'
      | 'auth_method'
      | 'grant_types'
      | 'scopes'
      | 'jwks'
      | 'metadata'
      | 'registration_token_hash'
      | 'updated_at'
    >,
  ): Promise<boolean>
  /** Notes that it was used, if that was last noted before `since`. */
  touch(client: { readonly id: ClientId; readonly now: Seconds; readonly since: Seconds }): Promise<void>
  /** Clients that registered themselves: how many. */
  countDynamic(): Promise<number>
  /** Those of them that were last used, or made, before a moment. */
  listUnused(before: Seconds, limit: number): Promise<ClientId[]>
  /** Deletes it with its secrets; whether there was one. Cost: a transaction of two statements. */
  delete(id: ClientId): Promise<boolean>
  addSecret(row: ClientSecretRow): Promise<void>
  /**
   * Lets every secret of the client end at that moment, but the one that is excepted and those that end earlier anyway.
   * Returns how many.
   */
  expireSecrets(change: {
    readonly client_id: ClientId
    readonly at: Seconds
    readonly except: string | null
  }): Promise<number>
}

/** Builds the queries of the tables `clients` and `client_secrets`. */
export function createClients(connection: Connection): Clients {
  const { db, clock } = connection
  return {
    async insert(row) {
      await db.insertInto('clients').values(row).execute()
    },
    async find(id) {
      const [client, secrets] = await Promise.all([
        findClient.run(connection, { id }),
        findSecrets.run(connection, { id, now: clock.now() }),
      ])
      const row = client.rows[0]
      return row && { ...row, secrets: secrets.rows }
    },
    list: ({ after, limit } = {}) =>
      db
        .selectFrom('clients')
        .selectAll()
        .$if(after !== undefined, (query) => query.where('id', '>', (after ?? '') as ClientId)) // compared, not looked up
        .orderBy('id')
        .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
        .execute(),
    async setStatus({ id, status, at }) {
      const { numUpdatedRows } = await db
        .updateTable('clients')
        .set({ status, updated_at: at })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async replace({ id, ...changes }) {
      const { numUpdatedRows } = await db
        .updateTable('clients')
        .set(changes)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async touch({ id, now, since }) {
      await db
        .updateTable('clients')
        .set({ used_at: now })
        .where('id', '=', id)
        .where((where) => where.or([where('used_at', 'is', null), where('used_at', '<', since)]))
        .execute()
    },
    async countDynamic() {
      const { count } = await db
        .selectFrom('clients')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('is_dynamic', '=', 1)
        .executeTakeFirstOrThrow()
      return count
    },
    async listUnused(before, limit) {
      const rows = await db
        .selectFrom('clients')
        .select('id')
        .where('is_dynamic', '=', 1)
        .where(({ eb, fn }) => eb(fn.coalesce('used_at', 'created_at'), '<', before))
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map((row) => row.id)
    },
    delete: (id) =>
      connection.transaction(async (inner) => {
        await inner.db.deleteFrom('client_secrets').where('client_id', '=', id).execute()
        const { numDeletedRows } = await inner.db.deleteFrom('clients').where('id', '=', id).executeTakeFirstOrThrow()
        return numDeletedRows > 0n
      }),
    async addSecret(row) {
      await db.insertInto('client_secrets').values(row).execute()
    },
    async expireSecrets({ client_id, at, except }) {
      const { numUpdatedRows } = await db
        .updateTable('client_secrets')
        .set({ expires_at: at })
        .where('client_id', '=', client_id)
        .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', at)]))
        .$if(except !== null, (query) => query.where('id', '!=', except ?? ''))
        .executeTakeFirstOrThrow()
      return Number(numUpdatedRows)
    },
  }
}
