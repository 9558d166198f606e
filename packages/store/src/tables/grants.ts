import type { ClientId, GrantId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { Rotation } from '../grant-rotation.ts'
import type { GrantRow } from '../rows.ts'
import { defineStatement, rowOfParameters, type StatementContext } from '../statement.ts'

/** The columns of a grant, by name: see {@link defineStatement} for why not `*`. */
export const grantColumns = [
  'id',
  'session_id',
  'user_id',
  'client_id',
  'scope',
  'audience',
  'roles',
  'auth_time',
  'acr',
  'amr',
  'salt',
  'key_id',
  'generation',
  'created_at',
  'rotated_at',
  'idle_expires_at',
  'expires_at',
  'access_expires_at',
  'rotates',
  'confirmation',
  'claims',
  'authorization_details',
] as const satisfies readonly (keyof GrantRow)[]

const insert = defineStatement<GrantRow>('grants.insert', ({ db, parameter }) =>
  db.insertInto('grants').values(rowOfParameters<GrantRow>(grantColumns, parameter)),
)

/** What a grant's columns are: a value that is selected has no type of its own on Postgres. */
const integerColumns: ReadonlySet<string> = new Set([
  'auth_time',
  'generation',
  'created_at',
  'rotated_at',
  'idle_expires_at',
  'expires_at',
  'access_expires_at',
  'rotates',
] satisfies readonly (keyof GrantRow)[])

type GrantStart = GrantRow & { readonly now: Seconds }

const selectRow = ({ dialect, parameter }: StatementContext<GrantStart>) =>
  grantColumns.map((column) => {
    const type = integerColumns.has(column) ? sql.raw(dialect.integer) : sql`text`
    return sql`cast(${parameter(column)} as ${type})`.as(column)
  })

const startInSession = defineStatement<GrantStart>('grants.start-in-session', (context) =>
  context.db
    .insertInto('grants')
    .columns([...grantColumns])
    .expression((query) =>
      query
        .selectFrom('sessions')
        .select(selectRow(context))
        .where('sessions.id', '=', context.parameter('session_id'))
        .where('sessions.expires_at', '>', context.parameter('now'))
        .modifyEnd(context.dialect.forShare),
    ),
)

const startByCode = defineStatement<GrantStart & { readonly code_hash: string }>('grants.start-by-code', (context) =>
  context.db
    .insertInto('grants')
    .columns([...grantColumns])
    .expression((query) =>
      query
        .selectFrom('sessions')
        .innerJoin('authorization_codes', 'authorization_codes.session_id', 'sessions.id')
        .select(selectRow(context))
        .where('authorization_codes.hash', '=', context.parameter('code_hash'))
        .where('authorization_codes.reused_at', 'is', null)
        .where('sessions.expires_at', '>', context.parameter('now'))
        .modifyEnd(context.dialect.forShare),
    ),
)

const find = defineStatement<{ id: GrantId }, GrantRow>('grants.find', ({ db, parameter }) =>
  db.selectFrom('grants').select(grantColumns).where('id', '=', parameter('id')),
)

const rotate = defineStatement<Rotation>('grants.rotate', ({ db, dialect, parameter }) =>
  db
    .updateTable('grants')
    .set(({ ref }) => ({
      generation: sql<number>`${ref('generation')} + 1`,
      rotated_at: parameter('now'),
      idle_expires_at: parameter('idle_expires_at'),
      access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
    }))
    .where('id', '=', parameter('id'))
    .where('generation', '=', parameter('generation'))
    .where('expires_at', '>', parameter('now'))
    .where('idle_expires_at', '>', parameter('now')),
)

const prolong = defineStatement<Omit<Rotation, 'generation'>>('grants.prolong', ({ db, dialect, parameter }) =>
  db
    .updateTable('grants')
    .set(({ ref }) => ({
      rotated_at: parameter('now'),
      idle_expires_at: parameter('idle_expires_at'),
      access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
    }))
    .where('id', '=', parameter('id'))
    .where('expires_at', '>', parameter('now'))
    .where('idle_expires_at', '>', parameter('now')),
)

type AccessExpiry = Pick<Rotation, 'id' | 'generation' | 'access_expires_at'>

const raiseAccessExpiry = defineStatement<AccessExpiry>('grants.raise-access-expiry', ({ db, dialect, parameter }) =>
  db
    .updateTable('grants')
    .set(({ ref }) => ({
      access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
    }))
    .where('id', '=', parameter('id'))
    .where('generation', '=', parameter('generation')),
)

/** Standing rights to refresh. Each query is one statement. */
export interface Grants {
  insert(row: GrantRow): Promise<void>
  /**
   * Inserts it if its session lasts; false where that has ended. Whoever ends the session at the same time comes before, and
   * is seen here, or after, and then finds the grant: provided that he deletes the session first.
   */
  startInSession(row: GrantRow, now: Seconds): Promise<boolean>
  /** As `startInSession`, for the session of a code that has not been presented a second time. Hot: one statement. */
  startByCode(row: GrantRow, code_hash: string, now: Seconds): Promise<boolean>
  /** Expired ones too. Hot: compiled once; on Postgres all of a tick in one round trip. */
  find(id: GrantId): Promise<GrantRow | undefined>
  /**
   * Makes the next generation current, once: of any number of callers with the same generation, in any process, one gets
   * true. False also where the grant is over. Hot, as `find`. Stops: two successors of one refresh token.
   */
  rotate(rotation: Rotation): Promise<boolean>
  /** Notes a later `exp` under a generation that is still current; false where it is not. Never lowers it. Hot. */
  raiseAccessExpiry(change: AccessExpiry): Promise<boolean>
  /** Notes a use that leaves the generation as it is; false where the grant is over. */
  prolong(use: Omit<Rotation, 'generation'>): Promise<boolean>
  /** Deletes it; `undefined` where another caller did. */
  end(id: GrantId): Promise<GrantRow | undefined>
  endBySession(session: SessionId): Promise<GrantRow[]>
  endByUser(user: UserId): Promise<GrantRow[]>
  endByUserAndClient(user: UserId, client: ClientId): Promise<GrantRow[]>
  /** At most `limit` of them, so that a client of very many is ended in steps; fewer than that = none is left. */
  endByClient(client: ClientId, limit: number): Promise<GrantRow[]>
  /** Every client that holds a grant, in the order of their ids. */
  clientIds(): Promise<ClientId[]>
}

/** Builds the queries of the table `grants`. */
export function createGrants(connection: Connection): Grants {
  const { db, dialect, grantBatch } = connection
  const endWhere = (column: 'session_id' | 'user_id' | 'client_id', value: string, limit?: number) =>
    db
      .deleteFrom('grants')
      .where('id', 'in', (query) =>
        query
          .selectFrom('grants')
          .select('id')
          .where(sql.ref(column), '=', value)
          .orderBy('id')
          .$if(limit !== undefined, (limited) => limited.limit(limit ?? 0))
          .modifyEnd(dialect.forUpdate),
      )
      .returningAll()
      .execute()
  return {
    async insert(row) {
      await insert.run(connection, row)
    },
    startInSession: async (row, now) => (await startInSession.run(connection, { ...row, now })).changes > 0,
    startByCode: async (row, code_hash, now) =>
      (await startByCode.run(connection, { ...row, code_hash, now })).changes > 0,
    find: grantBatch?.find ?? (async (id) => (await find.run(connection, { id })).rows[0]),
    rotate: grantBatch?.rotate ?? (async (rotation) => (await rotate.run(connection, rotation)).changes > 0),
    raiseAccessExpiry: async (change) => (await raiseAccessExpiry.run(connection, change)).changes > 0,
    prolong: async (use) => (await prolong.run(connection, use)).changes > 0,
    end: (id) => db.deleteFrom('grants').where('id', '=', id).returningAll().executeTakeFirst(),
    endBySession: (session) => endWhere('session_id', session),
    endByUser: (user) => endWhere('user_id', user),
    endByUserAndClient: (user, client) =>
      db
        .deleteFrom('grants')
        .where('id', 'in', (query) =>
          query
            .selectFrom('grants')
            .select('id')
            .where('user_id', '=', user)
            .where('client_id', '=', client)
            .orderBy('id')
            .modifyEnd(dialect.forUpdate),
        )
        .returningAll()
        .execute(),
    endByClient: (client, limit) => endWhere('client_id', client, limit),
    async clientIds() {
      const rows = await db.selectFrom('grants').select('client_id').distinct().orderBy('client_id').execute()
      return rows.map((row) => row.client_id)
    },
  }
}
