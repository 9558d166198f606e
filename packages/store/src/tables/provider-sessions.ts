import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { ProviderSessionRow } from '../rows.ts'

/** Sessions at outside providers, on which sessions here rest. Each query is one statement. */
export interface ProviderSessions {
  insert(row: ProviderSessionRow): Promise<void>
  find(id: string): Promise<ProviderSessionRow | undefined>
  /** Those that a provider means by a subject, by its own name for a session, or by both together. */
  listByProvider(
    provider: string,
    meant: { readonly subject?: string | undefined; readonly sid?: string | undefined },
  ): Promise<ProviderSessionRow[]>
  /**
   * Notes that the provider is asked now, if it was last asked at `before`: of any number of callers at once one gets true,
   * and asks.
   */
  beginCheck(check: { readonly id: string; readonly before: Seconds; readonly at: Seconds }): Promise<boolean>
  /** Takes back what `beginCheck` has noted, unless somebody has begun another since: nothing came of asking. */
  leaveCheck(check: { readonly id: string; readonly before: Seconds; readonly at: Seconds }): Promise<void>
  /** Notes that it has said yes. */
  noteHeard(heard: { readonly id: string; readonly at: Seconds }): Promise<void>
}

/** Builds the queries of the table `provider_sessions`. */
export function createProviderSessions({ db }: Connection): ProviderSessions {
  return {
    async insert(row) {
      await db.insertInto('provider_sessions').values(row).execute()
    },
    find: (id) => db.selectFrom('provider_sessions').selectAll().where('id', '=', id).executeTakeFirst(),
    listByProvider: async (provider, { subject, sid }) =>
      subject === undefined && sid === undefined
        ? []
        : db
            .selectFrom('provider_sessions')
            .selectAll()
            .where('provider', '=', provider)
            .$if(subject !== undefined, (those) => those.where('subject', '=', subject ?? ''))
            .$if(sid !== undefined, (those) => those.where('sid', '=', sid ?? ''))
            .orderBy('id')
            .execute(),
    async beginCheck({ id, before, at }) {
      const { numUpdatedRows } = await db
        .updateTable('provider_sessions')
        .set(({ fn }) => ({ checked_at: at, heard_at: fn.coalesce('heard_at', 'checked_at') }))
        .where('id', '=', id)
        .where('checked_at', '=', before)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async leaveCheck({ id, before, at }) {
      await db
        .updateTable('provider_sessions')
        .set({ checked_at: before })
        .where('id', '=', id)
        .where('checked_at', '=', at)
        .execute()
    },
    async noteHeard({ id, at }) {
      await db.updateTable('provider_sessions').set({ heard_at: at }).where('id', '=', id).execute()
    },
  }
}
