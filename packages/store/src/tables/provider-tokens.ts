import type { UserId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { ProviderTokenRow } from '../rows.ts'

type Key = Pick<ProviderTokenRow, 'provider' | 'subject'>

/** Tokens that outside providers gave for users, sealed. Each query is one statement. */
export interface ProviderTokens {
  /** In the place of those that were there. */
  put(row: ProviderTokenRow): Promise<void>
  find(key: Key): Promise<ProviderTokenRow | undefined>
  /** Puts newer ones in the place of those of this version; false where others have come meanwhile. */
  replace(row: ProviderTokenRow & { readonly before: string }): Promise<boolean>
  delete(key: Key): Promise<void>
  deleteByUser(user: UserId): Promise<void>
}

/** Builds the queries of the table `provider_tokens`. */
export function createProviderTokens({ db }: Connection): ProviderTokens {
  return {
    async put(row) {
      const { provider: _provider, subject: _subject, ...rest } = row
      await db
        .insertInto('provider_tokens')
        .values(row)
        .onConflict((conflict) => conflict.columns(['provider', 'subject']).doUpdateSet(rest))
        .execute()
    },
    find: ({ provider, subject }) =>
      db
        .selectFrom('provider_tokens')
        .selectAll()
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .executeTakeFirst(),
    async replace({ before, provider, subject, ...changes }) {
      const { numUpdatedRows } = await db
        .updateTable('provider_tokens')
        .set(changes)
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .where('version', '=', before)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    async delete({ provider, subject }) {
      await db.deleteFrom('provider_tokens').where('provider', '=', provider).where('subject', '=', subject).execute()
    },
    async deleteByUser(user) {
      await db.deleteFrom('provider_tokens').where('user_id', '=', user).execute()
    },
  }
}
