import type { Seconds } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { ProviderSignInRow } from '../rows.ts'

/** By what a sign-in is known again that comes back from a provider. */
type ComingBack = Pick<ProviderSignInRow, 'state_hash' | 'provider'> & { readonly now: Seconds }

/** Sign-ins that are under way at outside providers. Each query is one statement. */
export interface ProviderSignIns {
  insert(row: ProviderSignInRow): Promise<void>
  /** Puts down what came back by POST, once; false where nothing is waited for, or something has come already. */
  putAnswer(answer: ComingBack & { readonly answer: string }): Promise<boolean>
  /** Takes it away: of any number of callers one gets it, and nobody from another browser or provider. */
  consume(back: ComingBack & Pick<ProviderSignInRow, 'browser_hash'>): Promise<ProviderSignInRow | undefined>
}

/** Builds the queries of the table `provider_sign_ins`. */
export function createProviderSignIns({ db }: Connection): ProviderSignIns {
  return {
    async insert(row) {
      await db.insertInto('provider_sign_ins').values(row).execute()
    },
    async putAnswer({ state_hash, provider, now, answer }) {
      const { numUpdatedRows } = await db
        .updateTable('provider_sign_ins')
        .set({ answer })
        .where('state_hash', '=', state_hash)
        .where('provider', '=', provider)
        .where('answer', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
    consume: ({ state_hash, provider, browser_hash, now }) =>
      db
        .deleteFrom('provider_sign_ins')
        .where('state_hash', '=', state_hash)
        .where('provider', '=', provider)
        .where('browser_hash', '=', browser_hash)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),
  }
}
