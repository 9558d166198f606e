import { hash } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { isCodeVerifier, matchesChallenge } from '@gatehouse/core/pkce'
import { newGrantId, randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { AuthorizationCodeRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Client } from './clients.ts'
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
  'hash' | 'grant_id' | 'created_at' | 'usable_until' | 'consumed_at' | 'reused_at' | 'expires_at'
>

/** How a code is presented at the token endpoint. */
export interface CodePresented {
  readonly code: string
  readonly client: Client
  readonly redirectUri: string | undefined
  readonly verifier: string | undefined
  readonly jkt: string | undefined
  /** Uses up what proved that key, or throws; called before the code is used up, and for no code that cannot be. */
  readonly useProof?: (() => Promise<void>) | undefined
  /** Sees to what the answer will need, or throws; called with the code's scope, before `useProof`. */
  readonly prepare?: ((scope: string) => Promise<void>) | undefined
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}

/** Makes authorization codes and takes them back, once. */
export interface AuthorizationCodes {
  /** Writes a code in a transaction of the caller's; the text is known to the client alone. Cost: one statement. */
  issue(tables: Tables, content: CodeContent): Promise<string>
  /**
   * Uses a code up and hands on what it stands for. A code that does not fit how it is presented is used up all the same;
   * for one that has been used before, what was issued ends (RFC 6749 section 4.1.2).
   * Errors: `invalid_grant`; the cause says why. Cost: one statement, and a read more where a proof is to be used up or something prepared.
   */
  consume(presented: CodePresented): Promise<AuthorizationCodeRow>
}

/** Seconds that a used code is remembered beyond the tokens that were issued for it. */
const keptBeyond = 120

interface Dependencies {
  /** Of tokens that are issued now. */
  readonly accessTokenLifetime: () => Seconds
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
}

/** What the store knows a code by. */
export const hashCode = (code: string): string => hash('sha256', code, 'base64url')

export function createAuthorizationCodes({
  store,
  clock,
  revocations,
  accessTokenLifetime,
}: Dependencies): AuthorizationCodes {
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
        reused_at: null,
        expires_at: usableUntil,
      })
      return code
    },

    async consume(presented) {
      if (!format.test(presented.code)) throw refused('this is not a code')
      const now = clock.now()
      const hashed = hashCode(presented.code)
      const kept_until = seconds(now + accessTokenLifetime() + keptBeyond)
      if (presented.useProof || presented.prepare) {
        const found = await store.authorizationCodes.find(hashed)
        if (found?.consumed_at === null) {
          if (found.client_id === presented.client.id) await presented.prepare?.(found.scope)
          await presented.useProof?.()
        }
      }
      const row = await store.authorizationCodes.consume({ hash: hashed, now, kept_until })
      if (!row) {
        await endReused(hashed, presented)
        throw refused('the code is unknown, or has been used')
      }
      const fault = faultOf(row, presented, now)
      if (fault !== undefined) throw refused(fault)
      return row
    },
  }

  /** In one transaction, so that no grant starts by the code between the two; see `grants.startByCode`. */
  async function endReused(hashed: string, { client, by }: CodePresented): Promise<void> {
    const found = await store.authorizationCodes.find(hashed)
    // Another client's code says nothing here, and is not that client's to end.
    if (found?.consumed_at == null || found.client_id !== client.id) return
    // What it gave has ended, and nothing starts by it.
    if (found.reused_at !== null) return
    const now = clock.now()
    const entries = await store.transaction(async (tables) => {
      const code = await tables.authorizationCodes.noteReuse(hashed, now)
      if (!code) return []
      const event = { type: 'code_reused', result: 'grant_ended', actor: client.id, ...by } as const
      const ended = await endGrant({ tables, clock, revocations }, code.grant_id, event)
      if (ended.length > 0) return ended
      const { grant_id: target, client_id, session_id, user_id: user } = code
      const ofNone = { ...event, result: 'no_grant', target, client_id, session_id, detail: { user } }
      await recordEvent(tables, clock, ofNone)
      // The first request may be about to answer without a grant: what it answers is worth nothing either.
      const expires_at = seconds(now + accessTokenLifetime() + keptBeyond)
      return revocations.write(tables, [{ kind: 'gid', value: target, issued_before: null, expires_at }])
    })
    await revocations.announce(entries)
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
