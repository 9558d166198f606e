import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { KeptFormRow } from '../rows.ts'

/** Forms that wait for their senders to sign in. Each query is one statement. */
export interface KeptForms {
  insert(row: KeptFormRow): Promise<void>
  /** One that has not expired. */
  find(hash: string, now: Seconds): Promise<KeptFormRow | undefined>
  /** Takes a form away that has not expired; of any number of callers one gets it. */
  consume(hash: string, now: Seconds): Promise<KeptFormRow | undefined>
}

/** Builds the queries of the table `kept_forms`. */
export function createKeptForms({ db }: Connection): KeptForms {
  return {
    async insert(row) {
      await db.insertInto('kept_forms').values(row).execute()
    },
    find: (hash, now) =>
      db.selectFrom('kept_forms').selectAll().where('hash', '=', hash).where('expires_at', '>', now).executeTakeFirst(),
    consume: (hash, now) =>
      db
        .deleteFrom('kept_forms')
        .where('hash', '=', hash)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),
  }
}
