import type { OrganisationId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { SessionRow } from '../rows.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

const columns = [
  'id',
  'cookie_hash',
  'user_id',
  'amr',
  'acr',
  'auth_time',
  'address',
  'device',
  'created_at',
  'expires_at',
  'organisation_id',
  'used_at',
  'proven_at',
  'provider_session',
] as const satisfies readonly (keyof SessionRow)[]

const insert = defineStatement<SessionRow>('sessions.insert', ({ db, parameter }) =>
  db.insertInto('sessions').values(rowOfParameters<SessionRow>(columns, parameter)),
)

const findByCookie = defineStatement<{ cookie_hash: string; now: Seconds }, SessionRow>(
  'sessions.find-by-cookie',
  ({ db, parameter }) =>
    db
      .selectFrom('sessions')
      .select(columns)
      .where('cookie_hash', '=', parameter('cookie_hash'))
      .where('expires_at', '>', parameter('now')),
)

/**
 * Those that stand beyond the newest `keep`. Nearly every time there are none, which the index alone tells: without the
 * count each sign-in would fetch and sort all the sessions of its user.
 */
const listBeyond = defineStatement<
  { user: UserId; present: SessionId; keep: number; others: number },
  Pick<SessionRow, 'id'>
>('sessions.list-beyond', ({ db, parameter }) =>
  db
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', parameter('user'))
    .where('id', '!=', parameter('present'))
    .where(
      (query) =>
        query
          .selectFrom('sessions as all')
          .select(({ fn }) => fn.countAll().as('count'))
          .where('all.user_id', '=', parameter('user')),
      '>=',
      parameter('keep'),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .offset(parameter('others'))
    .limit(50),
)

/** Sign-ins that last. Each query is one statement. */
export interface Sessions {
  insert(row: SessionRow): Promise<void>
  findById(id: SessionId): Promise<SessionRow | undefined>
  /** The session of a browser's cookie, if it has not expired. Hot: compiled once. */
  findByCookie(cookie_hash: string, now: Seconds): Promise<SessionRow | undefined>
  /**
   * A new sign-in of the same user in the same browser: a new cookie, what was proven, and when. False where the session has
   * ended meanwhile.
   */
  renew(
    session: Pick<
      SessionRow,
      | 'id'
      | 'cookie_hash'
      | 'amr'
      | 'acr'
      | 'auth_time'
      | 'address'
      | 'device'
      | 'organisation_id'
      | 'used_at'
      | 'proven_at'
      | 'provider_session'
    >,
  ): Promise<boolean>
  /** Notes that it is in use, and how strong it is by then; nothing where it has been renewed meanwhile. */
  touch(session: Pick<SessionRow, 'id' | 'cookie_hash' | 'acr' | 'used_at'>): Promise<void>
  /** At most 50 of a user beyond the newest `keep`, among which the present one is, whichever others are as new. */
  listBeyond(user: UserId, newest: { readonly keep: number; readonly present: SessionId }): Promise<SessionId[]>
  /** Notes what its user has picked; false where the session has ended meanwhile. */
  setOrganisation(id: SessionId, organisation: OrganisationId): Promise<boolean>
  /** The oldest first, expired ones too. */
  listByUser(user: UserId): Promise<SessionRow[]>
  /** Those that rest on one of these sessions at an outside provider; the ids in order. */
  listByProviderSessions(ids: readonly string[]): Promise<SessionId[]>
  /** Whether there was one. */
  deleteById(id: SessionId): Promise<boolean>
  /** The ids of those that there were: all of a user or, with an organisation, those in which that is picked. */
  deleteByUser(user: UserId, organisation?: OrganisationId): Promise<SessionId[]>
}

/** Builds the queries of the table `sessions`. */
export function createSessions(connection: Connection): Sessions {
  const { db, dialect } = connection
  return {
    async insert(row) {
      await insert.run(connection, row)
    },
    async findByCookie(cookie_hash, now) {
      return (await findByCookie.run(connection, { cookie_hash, now })).rows[0]
    },
    async renew({ id, ...changes }) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set(changes)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async setOrganisation(id, organisation_id) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set({ organisation_id })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async touch({ id, cookie_hash, acr, used_at }) {
      await db
        .updateTable('sessions')
        .set({ acr, used_at })
        .where('id', '=', id)
        .where('cookie_hash', '=', cookie_hash)
        .execute()
    },
    async listBeyond(user, { keep, present }) {
      const { rows } = await listBeyond.run(connection, { user, present, keep, others: keep - 1 })
      return rows.map(({ id }) => id)
    },
    findById: (id) => db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst(),
    listByUser: (user) =>
      db.selectFrom('sessions').selectAll().where('user_id', '=', user).orderBy('created_at').orderBy('id').execute(),
    async listByProviderSessions(ids) {
      if (ids.length === 0) return []
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('provider_session', 'in', [...ids])
        .orderBy('id')
        .execute()
      return rows.map(({ id }) => id)
    },
    async deleteById(id) {
      const { numDeletedRows } = await db.deleteFrom('sessions').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
    async deleteByUser(user, organisation) {
      const rows = await db
        .deleteFrom('sessions')
        .where('id', 'in', (query) =>
          query
            .selectFrom('sessions')
            .select('id')
            .where('user_id', '=', user)
            .$if(organisation !== undefined, (those) => those.where('organisation_id', '=', organisation ?? null))
            .orderBy('id')
            .modifyEnd(dialect.forUpdate),
        )
        .returning('id')
        .execute()
      return rows.map((row) => row.id)
    },
  }
}
