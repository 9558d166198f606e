import { hash } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store, Tables } from '@gatehouse/store/store'

/** What a sign-in of the first party asks for: kept where a second factor comes between. */
export interface AskedTokens {
  readonly clientId: string
  readonly scope: string | undefined
  readonly audiences: readonly string[] | undefined
  /** By id or slug. */
  readonly organisation: string | undefined
}

/** What somebody has proven who has still to show a second factor. It opens nothing. */
export interface HalfSignedIn {
  readonly user: UserId
  /** Methods that have been proven. */
  readonly amr: readonly string[]
  /** The session at an outside provider that says so, by id. */
  readonly providerSession: string | null
  readonly asked: AskedTokens
}

/** Tokens by which a sign-in over the JSON API goes on with the second factor. */
export interface MfaTokens {
  issue(
    half: HalfSignedIn & {
      /** Further writes of the same transaction. */
      readonly alongside: (tables: Tables) => Promise<void>
    },
  ): Promise<string>
  find(token: string): Promise<HalfSignedIn | undefined>
  /** Ends it, in the transaction of what it led to: of several callers one gets true. */
  consume(tables: Tables, token: string): Promise<boolean>
}

/** Seconds for which a second factor is waited for. */
const lifetime = 600
const format = /^ghm_[\w-]{43}$/
const hashToken = (token: string): string => hash('sha256', token, 'base64url')

/** They are flows whose only browser is whoever holds the token. */
export function createMfaTokens({ store, clock }: { readonly store: Store; readonly clock: Clock }): MfaTokens {
  return {
    async issue({ user, amr, providerSession, asked, alongside }) {
      const token = `ghm_${randomToken(32)}`
      const id_hash = hashToken(token)
      const now = clock.now()
      await store.transaction(async (tables) => {
        await tables.flows.insert({
          ...{ id_hash, kind: 'mfa', browser_hash: id_hash, client_id: null, session_id: null },
          ...{ parameters: JSON.stringify(asked), user_id: user, proven: amr.join(' ') },
          provider_session: providerSession,
          ...{ created_at: now, expires_at: seconds(now + lifetime) },
        })
        await alongside(tables)
      })
      return token
    },

    async find(token) {
      if (!format.test(token)) return undefined
      const id_hash = hashToken(token)
      const row = await store.flows.find({ id_hash, browser_hash: id_hash, now: clock.now() })
      if (row?.kind !== 'mfa' || row.user_id === null) return undefined
      // Written by issue() above.
      const asked = JSON.parse(row.parameters) as AskedTokens
      return { user: row.user_id, amr: row.proven.split(' '), providerSession: row.provider_session, asked }
    },

    consume: (tables, token) => tables.flows.consume(hashToken(token)),
  }
}
