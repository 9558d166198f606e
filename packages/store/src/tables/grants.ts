import type { ClientId, GrantId, OrganisationId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import { clockTolerance } from '@gatehouse/core/time'
import { type JoinBuilder, sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { FactorLeft, FactorUse, Rotation } from '../grant-rotation.ts'
import type { GrantRow } from '../rows.ts'
import type { Schema } from '../schema.ts'
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
  'role_scope',
  'organisation_id',
  'factor_at',
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
  'factor_at',
] satisfies readonly (keyof GrantRow)[])

/** What must hold for a grant to start, beside its session. */
export interface GrantStart {
  readonly now: Seconds
  /** Of the membership that the grant rests on, as it was when it was looked at; null for a grant of no organisation. */
  readonly membership_version: string | null
}

type StartedRow = GrantRow & GrantStart

/**
 * How many others the same session and client have, beside the insert. By the index of the session: the client's, which SQLite takes
 * where it may, leads to all grants of the client, and no index has what is put together.
 */
const countOthers = ({ dialect, parameter }: Pick<StatementContext<StartedRow>, 'dialect' | 'parameter'>) =>
  sql<number>`(select cast(count(*) as ${sql.raw(dialect.integer)}) from grants as others
    where others.session_id = ${parameter('session_id')} and others.client_id || '' = ${parameter('client_id')}
    and others.id <> ${parameter('id')})`.as('others')

type Started = { readonly others: number }

/** A start is the first use, and told by the same clock as those that follow: whatever lies between two is judged by it. */
const selectRow = ({ dialect, parameter }: StatementContext<StartedRow>) =>
  grantColumns.map((column) => {
    const type = integerColumns.has(column) ? sql.raw(dialect.integer) : sql`text`
    const value = column === 'rotated_at' ? dialect.moment(parameter('now')) : parameter(column)
    return sql`cast(${value} as ${type})`.as(column)
  })

/** The membership that a grant rests on, as it was: one that has changed since is not found. */
const theMembership =
  ({ parameter }: Pick<StatementContext<StartedRow>, 'parameter'>) =>
  (join: JoinBuilder<Schema, 'memberships'>) =>
    join
      .on('memberships.organisation_id', '=', parameter('organisation_id'))
      .on('memberships.user_id', '=', parameter('user_id'))
      .on('memberships.version', '=', parameter('membership_version'))

/** Nobody begins anything in the name of an organisation that is disabled, also who prepared it before. */
const theOrganisationActs = sql<boolean>`exists (select 1 from organisations
  where organisations.id = memberships.organisation_id and organisations.status = 'active')`

const defineStartInSession = (name: string, inOrganisation: boolean) =>
  defineStatement<StartedRow, Started>(name, (context) =>
    context.db
      .insertInto('grants')
      .columns([...grantColumns])
      .expression((query) =>
        query
          .selectFrom('sessions')
          .$if(inOrganisation, (joined) =>
            joined.innerJoin('memberships', theMembership(context)).where(theOrganisationActs),
          )
          .select(selectRow(context))
          .where('sessions.id', '=', context.parameter('session_id'))
          .where('sessions.expires_at', '>', context.parameter('now'))
          .modifyEnd(context.dialect.forShare),
      )
      .returning(countOthers(context)),
  )
export const startInSession = defineStartInSession('grants.start-in-session', false)
const startInOrganisation = defineStartInSession('grants.start-in-organisation', true)

const defineStartByCode = (name: string, inOrganisation: boolean) =>
  defineStatement<StartedRow & { readonly code_hash: string }, Started>(name, (context) =>
    context.db
      .insertInto('grants')
      .columns([...grantColumns])
      .expression((query) =>
        query
          .selectFrom('sessions')
          .innerJoin('authorization_codes', 'authorization_codes.session_id', 'sessions.id')
          .$if(inOrganisation, (joined) =>
            joined.innerJoin('memberships', theMembership(context)).where(theOrganisationActs),
          )
          .select(selectRow(context))
          .where('authorization_codes.hash', '=', context.parameter('code_hash'))
          .where('authorization_codes.reused_at', 'is', null)
          .where('sessions.expires_at', '>', context.parameter('now'))
          .modifyEnd(context.dialect.forShare),
      )
      .returning(countOthers(context)),
  )
export const startByCode = defineStartByCode('grants.start-by-code', false)
const startByCodeInOrganisation = defineStartByCode('grants.start-by-code-in-organisation', true)

const find = defineStatement<{ id: GrantId }, GrantRow>('grants.find', ({ db, parameter }) =>
  db.selectFrom('grants').select(grantColumns).where('id', '=', parameter('id')),
)

/**
 * A grant is worth nothing once its session is gone, and while its organisation is disabled: whoever ends or disables that has
 * stopped all of them at once, however many there are.
 */
export const grantStands = `exists (select 1 from sessions where sessions.id = grants.session_id)
  and (grants.organisation_id is null or exists (
    select 1 from organisations where organisations.id = grants.organisation_id and organisations.status = 'active'))`
const whatItRestsOnStands = sql.raw<boolean>(`(${grantStands})`)

const findStanding = defineStatement<{ id: GrantId }, { id: GrantId }>('grants.find-standing', ({ db, parameter }) =>
  db.selectFrom('grants').select('id').where('id', '=', parameter('id')).where(whatItRestsOnStands),
)

/** What becomes of `factor_at` in a statement that notes a use, by the `rotated_at` from before: see {@link FactorUse}. */
const factorAfterUse = ({ dialect, parameter }: Pick<StatementContext<FactorUse>, 'dialect' | 'parameter'>) => {
  // Postgres knows the type of no value that is only compared with null.
  const idle = sql`cast(${parameter('factor_idle')} as ${sql.raw(dialect.integer)})`
  const elapsed = sql`${dialect.moment(parameter('now'))} - grants.rotated_at`
  return sql<Seconds | null>`case
    when ${idle} is null or ${elapsed} between ${sql.raw(String(-clockTolerance))} and ${idle} then grants.factor_at
    else 0 end`
}

const rotate = defineStatement<Rotation, FactorLeft>('grants.rotate', ({ db, dialect, parameter }) =>
  db
    .updateTable('grants')
    .set(({ ref }) => ({
      generation: sql<number>`${ref('generation')} + 1`,
      factor_at: factorAfterUse({ dialect, parameter }),
      rotated_at: dialect.moment(parameter('now')),
      idle_expires_at: parameter('idle_expires_at'),
      access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
    }))
    .where('id', '=', parameter('id'))
    .where('generation', '=', parameter('generation'))
    .where('expires_at', '>', parameter('now'))
    .where('idle_expires_at', '>', parameter('now'))
    .where(whatItRestsOnStands)
    .returning('factor_at'),
)

const sinceRotation = defineStatement<Pick<Rotation, 'id' | 'generation' | 'now'>, { readonly elapsed: number }>(
  'grants.since-rotation',
  ({ db, dialect, parameter }) =>
    db
      .selectFrom('grants')
      .select(({ ref }) => sql<number>`${dialect.moment(parameter('now'))} - ${ref('rotated_at')}`.as('elapsed'))
      .where('id', '=', parameter('id'))
      .where('generation', '=', parameter('generation')),
)

type Use = Omit<Rotation, 'generation'>

const prolong = defineStatement<Use, FactorLeft>('grants.prolong', ({ db, dialect, parameter }) =>
  db
    .updateTable('grants')
    .set(({ ref }) => ({
      factor_at: factorAfterUse({ dialect, parameter }),
      rotated_at: dialect.moment(parameter('now')),
      idle_expires_at: parameter('idle_expires_at'),
      access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
    }))
    .where('id', '=', parameter('id'))
    .where('expires_at', '>', parameter('now'))
    .where('idle_expires_at', '>', parameter('now'))
    .where(whatItRestsOnStands)
    .returning('factor_at'),
)

type AccessExpiry = Omit<Rotation, 'idle_expires_at'>

const raiseAccessExpiry = defineStatement<AccessExpiry, FactorLeft>(
  'grants.raise-access-expiry',
  ({ db, dialect, parameter }) =>
    db
      .updateTable('grants')
      .set(({ ref }) => ({
        factor_at: factorAfterUse({ dialect, parameter }),
        access_expires_at: dialect.greatest(ref('access_expires_at'), parameter('access_expires_at')),
      }))
      .where('id', '=', parameter('id'))
      .where('generation', '=', parameter('generation'))
      .where(whatItRestsOnStands)
      .returning('factor_at'),
)

/** The grants of one user to one client that are alike in scope. */
export interface StandingGrants extends Pick<GrantRow, 'client_id' | 'scope'> {
  readonly since: Seconds
}

/** Standing rights to refresh. Each query is one statement. */
export interface Grants {
  insert(row: GrantRow): Promise<void>
  /**
   * Inserts it if its session lasts and, for a grant of an organisation, that acts and the membership is what it was, and tells how many
   * others the same client has in the session; undefined where it has not started.
   * Whoever ends the session, or changes the membership, at the same time comes before, and is seen here, or after, and then
   * finds the grant: provided that he changes session and membership first.
   */
  startInSession(row: GrantRow, start: GrantStart): Promise<number | undefined>
  /** As `startInSession`, for the session of a code that has not been presented a second time. Hot: one statement. */
  startByCode(row: GrantRow, start: GrantStart & { readonly code_hash: string }): Promise<number | undefined>
  /** Expired ones too. Hot: compiled once; on Postgres all of a tick in one round trip. */
  find(id: GrantId): Promise<GrantRow | undefined>
  /** Whether there is what it rests on: its session and, for one of an organisation, that one, which is not disabled. */
  stands(id: GrantId): Promise<boolean>
  /**
   * Makes the next generation current, once: of any number of callers with the same generation, in any process, one is told
   * what the grant says of its second factor from then on. Undefined also where it is over or does not stand. Hot, as `find`.
   * Stops: two successors of one refresh token.
   */
  rotate(rotation: Rotation): Promise<FactorLeft | undefined>
  /**
   * Seconds since the generation became current, by one clock whichever process made it so: the database's, where several
   * machines may ask it. Negative where that clock was set back; undefined where the generation is not current.
   */
  sinceRotation(which: Pick<Rotation, 'id' | 'generation' | 'now'>): Promise<number | undefined>
  /**
   * Notes a later `exp` under a generation that is still current; undefined where it is not, or does not stand. Never lowers it,
   * and leaves when the grant was last used.
   */
  raiseAccessExpiry(change: AccessExpiry): Promise<FactorLeft | undefined>
  /** Notes a use that leaves the generation as it is; undefined where the grant is over or does not stand. */
  prolong(use: Use): Promise<FactorLeft | undefined>
  /** Deletes it; `undefined` where another caller did. */
  end(id: GrantId): Promise<GrantRow | undefined>
  /** At most `limit` of them: those that remain are refreshed no more once their session is gone. Fewer = none is left. */
  endBySession(session: SessionId, limit: number): Promise<GrantRow[]>
  /** As `endBySession`. */
  endByUser(user: UserId, limit: number): Promise<GrantRow[]>
  /** At most `limit` of one client in a session beyond the newest `keep`, the given one among them. */
  endBeyond(newest: {
    readonly of: Pick<GrantRow, 'id' | 'session_id' | 'client_id'>
    readonly keep: number
    readonly limit: number
  }): Promise<GrantRow[]>
  /** Removes at most `limit` grants of a user whose session is gone, and tells how many: those somebody holds are left. */
  removeWithoutSession(user: UserId, limit: number): Promise<number>
  endByUserAndClient(user: UserId, client: ClientId): Promise<GrantRow[]>
  endByUserAndOrganisation(user: UserId, organisation: OrganisationId): Promise<GrantRow[]>
  /** At most `limit` of them, so that a client of very many is ended in steps; fewer than that = none is left. */
  endByClient(client: ClientId, limit: number): Promise<GrantRow[]>
  /** What a user's grants allow now, by client and scope, with when the first of each began; at most 200. */
  listStanding(user: UserId, now: Seconds): Promise<StandingGrants[]>
  /** Every client that holds a grant, in the order of their ids. */
  clientIds(): Promise<ClientId[]>
}

/** Builds the queries of the table `grants`. */
export function createGrants(connection: Connection): Grants {
  const { db, dialect, grantBatch } = connection
  const endWhere = (
    those: Partial<Pick<GrantRow, 'session_id' | 'user_id' | 'client_id' | 'organisation_id'>>,
    limit?: number,
  ) =>
    db
      .deleteFrom('grants')
      .where('id', 'in', (query) =>
        query
          .selectFrom('grants')
          .select('id')
          .where(({ and }) => and(those))
          // An order sorts all that there are for each step, and has rows end that lie far apart on the disk.
          .$if(dialect.locksRows, (locked) => locked.orderBy('id'))
          .$if(limit !== undefined, (limited) => limited.limit(limit ?? 0))
          .modifyEnd(dialect.forUpdate),
      )
      .returningAll()
      .execute()
  return {
    async insert(row) {
      await insert.run(connection, row)
    },
    async startInSession(row, start) {
      const statement = row.organisation_id === null ? startInSession : startInOrganisation
      return (await statement.run(connection, { ...row, ...start })).rows[0]?.others
    },
    async startByCode(row, start) {
      const statement = row.organisation_id === null ? startByCode : startByCodeInOrganisation
      return (await statement.run(connection, { ...row, ...start })).rows[0]?.others
    },
    find: grantBatch?.find ?? (async (id) => (await find.run(connection, { id })).rows[0]),
    rotate: grantBatch?.rotate ?? (async (rotation) => (await rotate.run(connection, rotation)).rows[0]),
    stands: async (id) => (await findStanding.run(connection, { id })).rows.length > 0,
    sinceRotation: async (which) => (await sinceRotation.run(connection, which)).rows[0]?.elapsed,
    raiseAccessExpiry: async (change) => (await raiseAccessExpiry.run(connection, change)).rows[0],
    prolong: async (use) => (await prolong.run(connection, use)).rows[0],
    end: (id) => db.deleteFrom('grants').where('id', '=', id).returningAll().executeTakeFirst(),
    endBySession: (session_id, limit) => endWhere({ session_id }, limit),
    endByUser: (user_id, limit) => endWhere({ user_id }, limit),
    endBeyond: ({ of: { id, session_id, client_id }, keep, limit }) =>
      db
        .deleteFrom('grants')
        .where('id', 'in', (query) =>
          query
            .selectFrom('grants')
            .select('id')
            .where('session_id', '=', session_id)
            // By the index of the session; see `countOthers`.
            .where(sql<string>`client_id || ''`, '=', client_id)
            .where('id', '!=', id)
            .orderBy('created_at', 'desc')
            .orderBy('id')
            .offset(keep - 1)
            .limit(limit)
            // Whoever holds one of them refreshes it, or ends it: the next grant finds it again.
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .returningAll()
        .execute(),
    async removeWithoutSession(user, limit) {
      const { numDeletedRows } = await db
        .deleteFrom('grants')
        .where('id', 'in', (query) =>
          query
            .selectFrom('grants')
            .select('id')
            .where('user_id', '=', user)
            .where(sql<boolean>`not exists (select 1 from sessions where sessions.id = grants.session_id)`)
            .limit(limit)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
    endByUserAndClient: (user_id, client_id) => endWhere({ user_id, client_id }),
    endByUserAndOrganisation: (user_id, organisation_id) => endWhere({ user_id, organisation_id }),
    endByClient: (client_id, limit) => endWhere({ client_id }, limit),
    listStanding: (user, now) =>
      db
        .selectFrom('grants')
        .select(['client_id', 'scope', ({ fn }) => fn.min('created_at').as('since')])
        .where('user_id', '=', user)
        .where('expires_at', '>', now)
        .where('idle_expires_at', '>', now)
        .where(whatItRestsOnStands)
        .groupBy(['client_id', 'scope'])
        .orderBy('client_id')
        .limit(200)
        .execute(),
    async clientIds() {
      const rows = await db.selectFrom('grants').select('client_id').distinct().orderBy('client_id').execute()
      return rows.map((row) => row.client_id)
    },
  }
}
