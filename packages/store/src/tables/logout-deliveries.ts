import type { ClientId, Seconds } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { LogoutDeliveryRow } from '../rows.ts'

/** Logout tokens that still have to reach their clients. Each query is one statement. */
export interface LogoutDeliveries {
  insert(row: LogoutDeliveryRow): Promise<void>
  /**
   * Takes at most `limit` that are due, but none to `except`, and puts their next attempt off until `until`, so that no other process
   * takes them meanwhile: what happens to a process that stops half-way is one more attempt.
   */
  take(due: {
    readonly now: Seconds
    readonly until: Seconds
    readonly limit: number
    readonly except?: readonly ClientId[]
  }): Promise<LogoutDeliveryRow[]>
  /** It has arrived, or is given up. */
  delete(id: string): Promise<void>
  /** It is tried again at that moment. `attempts`: that there have been so many, where it was taken and not tried. */
  postpone(delivery: {
    readonly id: string
    readonly next_attempt_at: Seconds
    readonly attempts?: number
  }): Promise<void>
  deleteByClient(client: ClientId): Promise<void>
  /** Deletes at most `limit` that have expired by the removal clock, and returns whose they were, one for each. */
  deleteExpired(limit: number): Promise<ClientId[]>
}

/** Builds the queries of the table `logout_deliveries`. */
export function createLogoutDeliveries({ db, dialect, removal }: Connection): LogoutDeliveries {
  return {
    async insert(row) {
      await db.insertInto('logout_deliveries').values(row).execute()
    },
    take: ({ now, until, limit, except = [] }) =>
      db
        .updateTable('logout_deliveries')
        .set(({ ref }) => ({ next_attempt_at: until, attempts: sql<number>`${ref('attempts')} + 1` }))
        .where('id', 'in', (query) =>
          query
            .selectFrom('logout_deliveries')
            .select('id')
            .where('next_attempt_at', '<=', now)
            .$if(except.length > 0, (others) => others.where('client_id', 'not in', except))
            .orderBy('next_attempt_at')
            .limit(limit)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .returningAll()
        .execute(),
    async delete(id) {
      await db.deleteFrom('logout_deliveries').where('id', '=', id).execute()
    },
    async postpone({ id, ...change }) {
      await db.updateTable('logout_deliveries').set(change).where('id', '=', id).execute()
    },
    async deleteByClient(client) {
      await db.deleteFrom('logout_deliveries').where('client_id', '=', client).execute()
    },
    async deleteExpired(limit) {
      const deleted = await db
        .deleteFrom('logout_deliveries')
        .where('id', 'in', (query) =>
          query
            .selectFrom('logout_deliveries')
            .select('id')
            .where('expires_at', '<=', removal.now())
            .orderBy('expires_at')
            .limit(limit)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .returning('client_id')
        .execute()
      return deleted.map(({ client_id }) => client_id)
    },
  }
}
