import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { FactorRow } from '../rows.ts'
import { defineStatement } from '../statement.ts'

const columns = [
  'id',
  'user_id',
  'kind',
  'name',
  'sealed_secret',
  'credential_id',
  'public_key',
  'sign_count',
  'transports',
  'backed_up',
  'last_step',
  'created_at',
  'last_used_at',
] as const satisfies readonly (keyof FactorRow)[]

const listByUser = defineStatement<{ user: UserId }, FactorRow>('factors.list-by-user', ({ db, parameter }) =>
  db.selectFrom('factors').select(columns).where('user_id', '=', parameter('user')).orderBy('created_at').orderBy('id'),
)

/** Authenticator apps and passkeys. Each query is one statement. */
export interface Factors {
  /** Throws already_exists when the credential is somebody's already. */
  insert(row: FactorRow): Promise<void>
  /** The oldest first. Hot: compiled once. */
  listByUser(user: UserId): Promise<FactorRow[]>
  findByCredential(credential_id: string): Promise<FactorRow | undefined>
  /** Notes the time step of a code, once: of any number of callers with that step or an earlier one, one gets true. */
  useStep(use: { readonly id: string; readonly step: number; readonly at: Seconds }): Promise<boolean>
  /**
   * Notes a passkey's counter as it is now; false where the passkey is gone, or where its counter has come that far already:
   * of two uses with one counter one gets true. An authenticator that does not count says 0 each time.
   */
  useCredential(use: {
    readonly id: string
    readonly sign_count: number
    readonly backed_up: 0 | 1
    readonly at: Seconds
  }): Promise<boolean>
  /** False where the user has no such factor. */
  rename(change: { readonly id: string; readonly user_id: UserId; readonly name: string }): Promise<boolean>
  deleteByUser(user: UserId): Promise<void>
  /** False where the user has no such factor. */
  delete(user: UserId, id: string): Promise<boolean>
}

/** Builds the queries of the table `factors`. */
export function createFactors(connection: Connection): Factors {
  const { db } = connection
  return {
    async insert(row) {
      await db.insertInto('factors').values(row).execute()
    },
    listByUser: async (user) => [...(await listByUser.run(connection, { user })).rows],
    findByCredential: (credential_id) =>
      db.selectFrom('factors').selectAll().where('credential_id', '=', credential_id).executeTakeFirst(),
    async useStep({ id, step, at }) {
      const { numUpdatedRows } = await db
        .updateTable('factors')
        .set({ last_step: step, last_used_at: at })
        .where('id', '=', id)
        .where((where) => where.or([where('last_step', 'is', null), where('last_step', '<', step)]))
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async useCredential({ id, sign_count, backed_up, at }) {
      const { numUpdatedRows } = await db
        .updateTable('factors')
        .set({ sign_count, backed_up, last_used_at: at })
        .where('id', '=', id)
        .where((where) => (sign_count === 0 ? where('sign_count', '=', 0) : where('sign_count', '<', sign_count)))
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async rename({ id, user_id, name }) {
      const { numUpdatedRows } = await db
        .updateTable('factors')
        .set({ name })
        .where('id', '=', id)
        .where('user_id', '=', user_id)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async deleteByUser(user) {
      await db.deleteFrom('factors').where('user_id', '=', user).execute()
    },
    async delete(user, id) {
      const { numDeletedRows } = await db
        .deleteFrom('factors')
        .where('id', '=', id)
        .where('user_id', '=', user)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}
