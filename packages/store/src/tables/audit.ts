import type { Seconds } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { AuditEventRow } from '../rows.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

type NewEvent = Omit<AuditEventRow, 'id'>

const columns = [
  'at',
  'type',
  'result',
  'actor',
  'target',
  'client_id',
  'session_id',
  'address',
  'request_id',
  'detail',
  'count',
  'fold_key',
] as const satisfies readonly (keyof NewEvent)[]

const insert = defineStatement<NewEvent>('audit.insert', ({ db, parameter }) =>
  db.insertInto('audit').values(rowOfParameters<NewEvent>(columns, parameter)),
)

/** What happened and must be found again. Each query is one statement. */
export interface Audit {
  /**
   * Writes what has happened `count` times (once, where that is left out); with a `fold_key` that is there already it only raises
   * that row's count. Whether it is a new row.
   */
  append(event: Omit<AuditEventRow, 'id' | 'count'> & { readonly count?: number }): Promise<boolean>
  /** Writes events that are folded with nothing; a transaction's few hundred at the most. Cost: one statement. */
  appendAll(events: readonly Omit<AuditEventRow, 'id' | 'count' | 'fold_key'>[]): Promise<void>
  /** The latest first, from before the given id. */
  list(page: {
    readonly before?: number
    readonly limit: number
    readonly type?: string
    readonly target?: string
  }): Promise<AuditEventRow[]>
  /** Removes at most `limit` events from before a moment, the oldest first; returns how many. */
  removeBefore(moment: Seconds, limit: number): Promise<number>
}

/** Builds the queries of the table `audit`. */
export function createAudit(connection: Connection): Audit {
  const { db, dialect } = connection
  return {
    async append(event) {
      const { count: times = 1 } = event
      const row = { ...event, count: times }
      if (event.fold_key === null) {
        await insert.run(connection, row)
        return true
      }
      const { count } = await db
        .insertInto('audit')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .column('fold_key')
            .where('fold_key', 'is not', null)
            .doUpdateSet(({ ref }) => ({ count: sql<number>`${ref('audit.count')} + ${ref('excluded.count')}` })),
        )
        .returning('count')
        .executeTakeFirstOrThrow()
      return count === times
    },
    async appendAll(events) {
      if (events.length === 0) return
      const rows = events.map((event) => ({ ...event, count: 1, fold_key: null }))
      await db.insertInto('audit').values(rows).execute()
    },
    list: ({ before, limit, type, target }) =>
      db
        .selectFrom('audit')
        .selectAll()
        .$if(before !== undefined, (query) => query.where('id', '<', before ?? 0))
        .$if(type !== undefined, (query) => query.where('type', '=', type ?? ''))
        .$if(target !== undefined, (query) => query.where('target', '=', target ?? ''))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),
    async removeBefore(moment, limit) {
      const { numDeletedRows } = await db
        .deleteFrom('audit')
        .where('id', 'in', (query) =>
          query
            .selectFrom('audit')
            .select('id')
            .where('at', '<', moment)
            .orderBy('at')
            .limit(limit)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}
