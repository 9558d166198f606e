import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { formatScope, missingScopes, parseScope, type ScopeSet } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { GrantRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { AccessTokens } from './access-tokens.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import type { Client } from './clients.ts'
import type { KeyRing } from './key-rings.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { buildSession, type SessionLifetimes } from './sessions.ts'

/** An access token with the refresh token that brings the next one: the token response of RFC 6749 section 5.1. */
export interface TokenPair {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly refresh_token: string
  readonly scope: string
}

/** A sign-in that has been judged complete. */
export interface CompletedSignIn {
  readonly user: UserRow
  readonly client: Client
  /** The granted scope parameter. */
  readonly scope: string
  readonly audience: string
  readonly amr: readonly string[]
  readonly acr: string
  readonly address: string
  /** The user agent, shortened. */
  readonly device: string
  readonly requestId: string
  /** Further writes of the same transaction. */
  readonly alongside: (tables: Tables) => Promise<void>
}

/** A refresh as an endpoint asks for it. */
export interface RefreshRequest {
  readonly token: string
  readonly client: Client
  /** Narrows this one access token; the grant keeps its scope. */
  readonly scope?: ScopeSet | undefined
  readonly audience?: string | undefined
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}

/** Issues token pairs. */
export interface TokenPairs {
  /** Starts a session and its first grant. Cost: one transaction and one signature. */
  start(signIn: CompletedSignIn): Promise<TokenPair>
  /** The next pair. Errors: `invalid_grant`, `invalid_scope`, `invalid_target`; see domain/refresh-tokens. */
  refresh(request: RefreshRequest): Promise<TokenPair>
}

/** Lifetimes in seconds; read at each use, since a reload may change them. */
export interface TokenLifetimes extends SessionLifetimes {
  readonly accessToken: Seconds
  readonly replayWindow: Seconds
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly ring: KeyRing
  readonly lifetimes: () => TokenLifetimes
}

export function createTokenPairs({
  store,
  clock,
  accessTokens,
  refreshTokens,
  ring,
  lifetimes,
}: Dependencies): TokenPairs {
  const pairFor = (grant: GrantRow, generation: number, scope: string, lifetime: Seconds): TokenPair => {
    const { token } = accessTokens.issue(
      {
        sub: grant.user_id,
        client_id: grant.client_id,
        aud: grant.audience,
        scope,
        sid: grant.session_id,
        gid: grant.id,
        auth_time: grant.auth_time,
        acr: grant.acr,
        amr: grant.amr.split(' '),
        ...(grant.roles === '' ? {} : { roles: grant.roles.split(' ') }),
      },
      lifetime,
    )
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: lifetime,
      refresh_token: refreshTokens.build(grant, generation),
      scope,
    }
  }

  return {
    async start(signIn) {
      const { user, client } = signIn
      const times = lifetimes()
      const { session, grant } = buildSession(
        clock,
        {
          user_id: user.id,
          amr: signIn.amr.join(' '),
          acr: signIn.acr,
          address: signIn.address,
          device: signIn.device,
        },
        {
          client_id: client.id,
          scope: signIn.scope,
          audience: signIn.audience,
          roles: rolesFor(user, client, signIn.scope),
          key_id: ring.current.id,
          access_expires_at: seconds(clock.now() + times.accessToken + times.replayWindow),
        },
        times,
      )
      await store.transaction(async (tables) => {
        await Promise.all([
          tables.sessions.insert(session),
          tables.grants.insert(grant),
          signIn.alongside(tables),
          recordEvent(tables, clock, {
            type: 'sign_in',
            result: 'ok',
            actor: user.id,
            target: user.id,
            client_id: client.id,
            session_id: session.id,
            address: signIn.address,
            request_id: signIn.requestId,
            detail: { amr: signIn.amr },
          }),
        ])
      })
      return pairFor(grant, 1, grant.scope, times.accessToken)
    },

    async refresh({ token, client, scope, audience, by }) {
      const times = lifetimes()
      const { grant, generation } = await refreshTokens.refresh({
        token,
        clientId: client.id,
        proven: client.authMethod !== 'none',
        replayWindow: times.replayWindow,
        idleLifetime: times.idle,
        accessTokenLifetime: times.accessToken,
        checkGrant(found) {
          if (audience !== undefined && audience !== found.audience) throw new GatehouseError('invalid_target')
          if (scope !== undefined && missingScopes(scope, parseScope(found.scope) ?? new Set()).length > 0) {
            throw new GatehouseError('invalid_scope')
          }
        },
        by,
      })
      return pairFor(grant, generation, scope === undefined ? grant.scope : formatScope(scope), times.accessToken)
    },
  }
}

/** Roles are told only to first-party clients, or where the user granted the scope `roles`. */
const rolesFor = (user: UserRow, client: Client, scope: string): string =>
  client.firstParty || parseScope(scope)?.has('roles') ? user.roles : ''
