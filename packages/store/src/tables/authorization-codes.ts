import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { AuthorizationCodeRow } from '../rows.ts'
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
   * The code, whoever else noted it before; `undefined` where there is no such code, or it has not been used.
   */
  noteReuse(hash: string, now: Seconds): Promise<AuthorizationCodeRow | undefined>
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
    find: async (hash) => (await find.run(connection, { hash })).rows[0],
  }
}
