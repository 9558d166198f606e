import type { ClientId, Seconds, UserId } from '@gatehouse/core/brand'
import type { ExpressionBuilder } from 'kysely'
import type { Connection } from '../database.ts'
import type { AuthorizationCodeRow } from '../rows.ts'
import type { Schema } from '../schema.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

const columns = [
  'hash',
  'client_id',
  'user_id',
  'session_id',
  'session_expires_at',
  'grant_id',
  'redirect_uri',
  'code_challenge',
  'nonce',
  'scope',
  'audience',
  'roles',
  'claims',
  'authorization_details',
  'dpop_jkt',
  'auth_time',
  'acr',
  'amr',
  'refreshable',
  'created_at',
  'usable_until',
  'consumed_at',
  'reused_at',
  'expires_at',
  'role_scope',
  'organisation_id',
  'membership_version',
  'factor_at',
] as const satisfies readonly (keyof AuthorizationCodeRow)[]

const insert = defineStatement<AuthorizationCodeRow>('authorization-codes.insert', ({ db, parameter }) =>
  db.insertInto('authorization_codes').values(rowOfParameters<AuthorizationCodeRow>(columns, parameter)),
)

const consume = defineStatement<{ hash: string; now: Seconds; kept_until: Seconds }, AuthorizationCodeRow>(
  'authorization-codes.consume',
  ({ db, dialect, parameter }) =>
    db
      .updateTable('authorization_codes')
      .set(({ ref }) => ({
        consumed_at: parameter('now'),
        expires_at: dialect.greatest(ref('expires_at'), parameter('kept_until')),
      }))
      .where('hash', '=', parameter('hash'))
      .where('consumed_at', 'is', null)
      .returning(columns),
)

const noteReuse = defineStatement<{ hash: string; now: Seconds }, AuthorizationCodeRow>(
  'authorization-codes.note-reuse',
  ({ db, parameter }) =>
    db
      .updateTable('authorization_codes')
      .set({ reused_at: parameter('now') })
      .where('hash', '=', parameter('hash'))
      .where('consumed_at', 'is not', null)
      .where('reused_at', 'is', null)
      .returning(columns),
)

const find = defineStatement<{ hash: string }, AuthorizationCodeRow>('authorization-codes.find', ({ db, parameter }) =>
  db.selectFrom('authorization_codes').select(columns).where('hash', '=', parameter('hash')),
)

/** Codes of the authorization endpoint. Each query is one statement, compiled once. */
export interface AuthorizationCodes {
  insert(row: AuthorizationCodeRow): Promise<void>
  /**
   * The code, used from now on, whether or not it is still good; `undefined` where there is none or it has been used. Of any
   * number of callers at once, in any process, one gets it. Kept until `kept_until`, to recognize a second use.
   */
  consume(use: {
    readonly hash: string
    readonly now: Seconds
    readonly kept_until: Seconds
  }): Promise<AuthorizationCodeRow | undefined>
  /**
   * Notes that a code which has been used was presented again: no grant starts by it from then on; see `grants.startByCode`.
   * The code, to one of all callers; `undefined` where that was noted before, there is no such code, or it has not been used.
   */
  noteReuse(hash: string, now: Seconds): Promise<AuthorizationCodeRow | undefined>
  /**
   * No grant starts any more by the codes that a user's sessions have brought a client. Those that have been used: their grants may be
   * about to start, and do not, and what is answered for them has to be revoked.
   */
  endByUserAndClient(
    user: UserId,
    client: ClientId,
    now: Seconds,
  ): Promise<readonly Pick<AuthorizationCodeRow, 'grant_id' | 'expires_at'>[]>
  /** Used ones too. */
  find(hash: string): Promise<AuthorizationCodeRow | undefined>
}

/** Builds the queries of the table `authorization_codes`. */
export function createAuthorizationCodes(connection: Connection): AuthorizationCodes {
  return {
    async insert(row) {
      await insert.run(connection, row)
    },
    consume: async (use) => (await consume.run(connection, use)).rows[0],
    noteReuse: async (hash, now) => (await noteReuse.run(connection, { hash, now })).rows[0],
    async endByUserAndClient(user, client, now) {
      const { db } = connection
      // By the sessions, which are few: codes have no index by user.
      const theirs = ({ eb, and, selectFrom }: ExpressionBuilder<Schema, 'authorization_codes'>) =>
        and([
          eb('session_id', 'in', selectFrom('sessions').select('id').where('user_id', '=', user)),
          eb('client_id', '=', client),
        ])
      await db.deleteFrom('authorization_codes').where(theirs).where('consumed_at', 'is', null).execute()
      return db
        .updateTable('authorization_codes')
        .set({ reused_at: now })
        .where(theirs)
        .where('reused_at', 'is', null)
        .returning(['grant_id', 'expires_at'])
        .execute()
    },
    find: async (hash) => (await find.run(connection, { hash })).rows[0],
  }
}
