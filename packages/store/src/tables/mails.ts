import type { Seconds, UserId } from '@gatehouse/core/brand'
import { sql } from 'kysely'
import type { Connection } from '../database.ts'
import type { MailRow } from '../rows.ts'

const columns = [
  'id',
  'channel',
  'kind',
  'user_id',
  'sealed',
  'attempts',
  'next_attempt_at',
  'created_at',
  'delivered_at',
  'expires_at',
] as const satisfies readonly (keyof MailRow)[]

/** What is on its way to people. Each query is one statement. */
export interface Mails {
  /**
   * Inserts it unless `most` are under way already; whether it did. Cost: counts what is under way. On Postgres inserts of
   * the same moment may together go past the limit, by as many as there are connections.
   */
  insert(row: MailRow, most: number): Promise<boolean>
  /**
   * Takes at most `limit` that are due, of one channel or of all, and puts their next attempt off until `until`, so that no other process takes them
   * meanwhile: what happens to a process that stops half-way is one more attempt.
   */
  take(due: {
    readonly now: Seconds
    readonly until: Seconds
    readonly limit: number
    readonly channel?: MailRow['channel']
  }): Promise<MailRow[]>
  /** It has arrived, or is given up. */
  delete(id: string): Promise<void>
  /** It has arrived, and is kept until it expires. */
  keepDelivered(mail: { readonly id: string; readonly at: Seconds }): Promise<void>
  /** It is tried again at that moment. */
  postpone(mail: { readonly id: string; readonly next_attempt_at: Seconds }): Promise<void>
  deleteByUser(user: UserId): Promise<void>
  /** The newest, whether they have arrived or not. */
  listNewest(limit: number): Promise<MailRow[]>
}

/** Builds the queries of the table `mails`. */
export function createMails({ db, dialect }: Connection): Mails {
  // A value that is selected from nowhere has no type of its own on Postgres.
  const typeOf = (column: keyof MailRow) =>
    column === 'attempts' || column.endsWith('_at') ? sql.raw(dialect.integer) : sql.raw('text')
  return {
    async insert(row, most) {
      const values = columns.map((column) => sql`cast(${row[column]} as ${typeOf(column)})`)
      const { numAffectedRows } = await sql`insert into mails (${sql.join(columns.map((column) => sql.ref(column)))})
        select ${sql.join(values)} where (select count(*) from mails where delivered_at is null) < ${most}`.execute(db)
      return (numAffectedRows ?? 0n) > 0n
    },
    take: ({ now, until, limit, channel }) =>
      db
        .updateTable('mails')
        .set(({ ref }) => ({ next_attempt_at: until, attempts: sql<number>`${ref('attempts')} + 1` }))
        .where('id', 'in', (query) =>
          query
            .selectFrom('mails')
            .select('id')
            .where('next_attempt_at', '<=', now)
            .where('delivered_at', 'is', null)
            .$if(channel !== undefined, (those) => those.where('channel', '=', channel ?? 'mail'))
            .orderBy('next_attempt_at')
            .limit(limit)
            .modifyEnd(dialect.forUpdateSkippingLocked),
        )
        .returningAll()
        .execute(),
    async delete(id) {
      await db.deleteFrom('mails').where('id', '=', id).execute()
    },
    async keepDelivered({ id, at }) {
      await db
        .updateTable('mails')
        .set(({ ref }) => ({ delivered_at: at, next_attempt_at: ref('expires_at') }))
        .where('id', '=', id)
        .execute()
    },
    async postpone({ id, next_attempt_at }) {
      await db.updateTable('mails').set({ next_attempt_at }).where('id', '=', id).execute()
    },
    async deleteByUser(user) {
      await db.deleteFrom('mails').where('user_id', '=', user).execute()
    },
    listNewest: (limit) =>
      db.selectFrom('mails').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(limit).execute(),
  }
}
