import type { Connection } from '../database.ts'
import type { RefusalRow } from '../rows.ts'

/** What the gateway has refused lately. Each query is one statement. */
export interface Refusals {
  /** Writes several at once; one whose id is there already is left out. */
  append(rows: readonly RefusalRow[]): Promise<void>
  find(id: string): Promise<RefusalRow | undefined>
  /** Removes at most `limit` of those beyond the latest `most`, the oldest first; returns how many. */
  removeBeyond(most: number, limit: number): Promise<number>
}

/** Builds the queries of the table `refusals`. */
export function createRefusals({ db, dialect }: Connection): Refusals {
  return {
    async append(rows) {
      if (rows.length === 0) return
      await db
        .insertInto('refusals')
        .values([...rows])
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    find: (id) => db.selectFrom('refusals').selectAll().where('id', '=', id).executeTakeFirst(),
    async removeBeyond(most, limit) {
      const { count } = await db
        .selectFrom('refusals')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      const surplus = Math.min(limit, Number(count) - most)
      if (surplus <= 0) return 0
      const { numDeletedRows } = await db
        .deleteFrom('refusals')
        .where('id', 'in', (query) =>
          query
            .selectFrom('refusals')
            .select('id')
            .orderBy('expires_at')
            .limit(surplus)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}
