import { hash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { isCodeVerifier, matchesChallenge } from '@gatehouse/core/pkce'
import { newGrantId, randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { AuthorizationCodeRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { AuditEvent } from './audit.ts'
import type { Client } from './clients.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import type { Revocations } from './revocations.ts'
import { endGrant } from './sessions.ts'

/** Seconds that a code is good for. Spec: RFC 6749 section 4.1.2, FAPI 2.0 Security Profile section 5.3.2.1. */
export const codeLifetime = 60
/** Random bytes of a code; with its prefix it is 47 characters. */
const codeBytes = 32
const format = /^ghc_[\w-]{43}$/

/** What a code stands for. */
export type CodeContent = Omit<
  AuthorizationCodeRow,
  'hash' | 'grant_id' | 'created_at' | 'usable_until' | 'consumed_at' | 'expires_at'
>

/** How a code is presented at the token endpoint. */
export interface CodePresented {
  readonly code: string
  readonly client: Client
  readonly redirectUri: string | undefined
  readonly verifier: string | undefined
  readonly jkt: string | undefined
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}

/** Makes authorization codes and takes them back, once. */
export interface AuthorizationCodes {
  /** Writes a code in a transaction of the caller's; the text is known to the client alone. Cost: one statement. */
  issue(tables: Tables, content: CodeContent): Promise<string>
  /**
   * Uses a code up and hands on what it stands for, in a transaction of the caller's: whatever the caller does with it is
   * done together with that, or neither is. A code that does not fit how it is presented is used up all the same.
   * Errors: `invalid_grant`; the cause says why. Cost: one statement.
   */
  consume(tables: Tables, presented: CodePresented): Promise<Consumed>
  /** Ends what was issued for a code that has been presented before. Spec: RFC 6749 section 4.1.2. */
  endReused(presented: CodePresented): Promise<void>
}

/** What using a code up came to. */
export type Consumed =
  | { readonly outcome: 'good'; readonly row: AuthorizationCodeRow }
  /** Not to be thrown inside the transaction, which must commit for the code to be gone. */
  | { readonly outcome: 'refused'; readonly error: GatehouseError }
  | { readonly outcome: 'unknown_or_reused' }

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
}

const hashCode = (code: string): string => hash('sha256', code, 'base64url')

export function createAuthorizationCodes({ store, clock, revocations }: Dependencies): AuthorizationCodes {
  return {
    async issue(tables, content) {
      const code = `ghc_${randomToken(codeBytes)}`
      const now = clock.now()
      const usableUntil = seconds(now + codeLifetime)
      await tables.authorizationCodes.insert({
        ...content,
        hash: hashCode(code),
        grant_id: newGrantId(),
        created_at: now,
        usable_until: usableUntil,
        consumed_at: null,
        expires_at: usableUntil,
      })
      return code
    },

    async consume(tables, presented) {
      if (!format.test(presented.code)) return { outcome: 'unknown_or_reused' }
      const now = clock.now()
      const row = await tables.authorizationCodes.consume({
        hash: hashCode(presented.code),
        now,
        // As long as anything that was issued for it can live: a reload may shorten lifetimes, never this.
        kept_until: seconds(now + longestAccessTokenLifetime),
      })
      if (!row) return { outcome: 'unknown_or_reused' }
      const fault = faultOf(row, presented, now)
      return fault === undefined ? { outcome: 'good', row } : { outcome: 'refused', error: refused(fault) }
    },

    async endReused({ code, client, by }) {
      const row = format.test(code) ? await store.authorizationCodes.find(hashCode(code)) : undefined
      // Another client's code says nothing here, and is not that client's to end.
      if (row?.consumed_at == null || row.client_id !== client.id) return
      const entries = await store.transaction((tables) =>
        endGrant({ tables, clock, revocations }, row.grant_id, {
          type: 'code_reused',
          result: 'grant_ended',
          actor: client.id,
          ...by,
        }),
      )
      await revocations.announce(entries)
    },
  }
}

/** Why a code may not be used as it is presented; `undefined` where it may. */
function faultOf(row: AuthorizationCodeRow, presented: CodePresented, now: number): string | undefined {
  if (row.client_id !== presented.client.id) return 'the code is another client’s'
  if (row.usable_until <= now) return 'the code has expired'
  if (presented.redirectUri !== row.redirect_uri) return 'the redirect_uri is not the one of the authorization request'
  if (row.dpop_jkt !== null && row.dpop_jkt !== presented.jkt) return 'the code is bound to another DPoP key'
  if (row.code_challenge === null) {
    return presented.verifier === undefined ? undefined : 'a code_verifier came for a request without a challenge'
  }
  if (presented.verifier === undefined) return 'the code_verifier is missing'
  if (!isCodeVerifier(presented.verifier)) return 'the code_verifier is not of the right form'
  return matchesChallenge(presented.verifier, row.code_challenge) ? undefined : 'the code_verifier is wrong'
}

const refused = (why: string): GatehouseError => new GatehouseError('invalid_grant', { cause: new Error(why) })
