import { setImmediate as endOfTick } from 'node:timers/promises'
import type { GrantId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { newGrantId, randomToken } from '@gatehouse/core/random'
import { formatScope, missingScopes, parseScope, type ScopeSet } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { AuthorizationCodeRow, GrantRow, SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { AccessTokens } from './access-tokens.ts'
import { type AuditEvent, recordEvent } from './audit.ts'
import { buildPair, type Confirmation, type TokenPair } from './build-token-pair.ts'
import type { Client } from './clients.ts'
import { asItStands, type RoleRules, type Standing } from './effective-access.ts'
import { asStrongAsNow, factorAgeOf, factorMomentOf } from './factor-age.ts'
import { narrowDetails, readGrantedDetails } from './granted-details.ts'
import type { KeyRing } from './key-rings.ts'
import { noteClient } from './note-client.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Revocations } from './revocations.ts'
import {
  areTooMany,
  buildSession,
  endBeyond,
  endGrantsBeyond,
  type SessionLifetimes,
  type SessionLimits,
} from './sessions.ts'
import type { Subjects } from './subjects.ts'

/** A sign-in that has been judged complete. */
export interface CompletedSignIn {
  readonly user: UserRow
  readonly client: Client
  /** The granted scope parameter. */
  readonly scope: string
  readonly standing: Standing
  readonly audiences: readonly string[]
  readonly amr: readonly string[]
  readonly acr: string
  readonly address: string
  /** The user agent, shortened. */
  readonly device: string
  readonly requestId: string
  /** The session at an outside provider that it rests on, by id. */
  readonly providerSession: string | null
  /** Further writes of the same transaction. */
  readonly alongside: (tables: Tables) => Promise<void>
}

/** What a user has let a client have, in a session that exists. */
export interface GrantedAccess {
  readonly id?: GrantId
  readonly client: Client
  readonly userId: UserId
  readonly session: Pick<SessionRow, 'id' | 'expires_at'>
  readonly authTime: Seconds
  readonly acr: string
  /** Methods with one space between two. */
  readonly amr: string
  /** When the second factor was shown that they tell of; null = none was. */
  readonly factorAt: Seconds | null
  readonly standing: Standing
  readonly scope: string
  readonly audiences: readonly string[]
  /** Those of them that the first access token is for; all where it is left out. */
  readonly tokenAudiences?: readonly string[]
  readonly refreshable: boolean
  readonly confirmation: Confirmation | undefined
  /** The claims parameter as JSON. */
  readonly claims: string | null
  /** As JSON. */
  readonly authorizationDetails: string | null
  /** Those of them that the first access token has; all where it is left out. */
  readonly tokenDetails?: readonly JsonObject[]
}

/** What a code stands for that has been used up. */
export const accessOfCode = (row: AuthorizationCodeRow, client: Client): GrantedAccess => ({
  id: row.grant_id,
  client,
  userId: row.user_id,
  session: { id: row.session_id, expires_at: row.session_expires_at },
  authTime: row.auth_time,
  acr: row.acr,
  amr: row.amr,
  factorAt: row.factor_at,
  standing: row,
  scope: row.scope,
  audiences: row.audience.split(' '),
  refreshable: row.refreshable === 1,
  confirmation: undefined,
  claims: row.claims,
  authorizationDetails: row.authorization_details,
})

/** A refresh as an endpoint asks for it. */
export interface RefreshRequest {
  readonly token: string
  readonly client: Client
  /** Narrows this one access token; the grant keeps its scope. */
  readonly scope?: ScopeSet | undefined
  /** Some of the grant's audiences, for this one access token. */
  readonly audiences?: readonly string[] | undefined
  /** Some of the grant's authorization_details, for this one access token. */
  readonly details?: readonly JsonObject[] | undefined
  /** What the request has proven to hold. */
  readonly confirmation?: Confirmation | undefined
  /** Uses up what proved that; called before anything is written. */
  readonly useProof?: (() => Promise<void>) | undefined
  /** Sees to what the answer will need, or throws; called with its scope, before anything is used up. */
  readonly prepare?: ((scope: string) => Promise<void>) | undefined
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}

/** Tokens, and the grant that they were issued under. */
export interface IssuedTokens {
  readonly pair: TokenPair
  readonly grant: GrantRow
}

/** Issues token pairs. */
export interface TokenPairs {
  /**
   * Starts a session and its first grant, with a refresh token for a client that may use one; the client hears of its end
   * where it wants to. Error: `temporarily_unavailable` where the membership that it rests on has just changed. Cost: one
   * transaction and one signature.
   */
  start(signIn: CompletedSignIn): Promise<TokenPair>
  /**
   * Starts a grant of a session that lasts, in a transaction of the caller's, who announces what has ended by it: the oldest,
   * where the session and client have very many. Error: `invalid_grant` where the
   * session has ended, or the membership that the access rests on is not what it was. Cost: one statement and one signature.
   */
  startGrant(
    tables: Tables,
    access: GrantedAccess,
    by: Pick<AuditEvent, 'address' | 'request_id'>,
  ): Promise<IssuedTokens & { readonly ended: readonly Revocation[] }>
  /**
   * As {@link TokenPairs.startGrant}, for a code that has been used up just now. Where the code was presented again meanwhile
   * nothing is written, and what is answered is worth nothing: whoever noted the reuse has revoked it. `invalid_grant` also
   * where the provider that the session rests on says no; one that does not answer was judged as the code was issued.
   * `build` makes of the grant what is answered while the database writes it: it is handed out only once the grant is there.
   */
  startGrantByCode<Answer>(
    access: GrantedAccess,
    codeHash: string,
    by: Pick<AuditEvent, 'address' | 'request_id'>,
    build: (grant: GrantRow) => Answer | Promise<Answer>,
  ): Promise<Answer>
  /** The first pair of a grant that begins. Cost: one signature. */
  buildFirstPair(access: GrantedAccess, grant: GrantRow): TokenPair
  /**
   * The next pair, which tells of a second factor as long as that counts. Errors: `invalid_grant`, `invalid_scope`, `invalid_target`, `invalid_authorization_details`; see
   * domain/refresh-tokens and federation/standing.
   */
  refresh(request: RefreshRequest): Promise<IssuedTokens>
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
  readonly revocations: Revocations
  readonly lifetimes: () => TokenLifetimes
  readonly limits: () => SessionLimits
  readonly roleRules: () => RoleRules
  readonly subjects: Subjects
  /** Whether what a session rests on still stands; see federation/standing. */
  readonly standing: { checkSession(session: SessionId, by: Pick<AuditEvent, 'address' | 'request_id'>): Promise<void> }
}

export function createTokenPairs(dependencies: Dependencies): TokenPairs {
  const { store, clock, ring, revocations, lifetimes, limits, roleRules } = dependencies
  /** The row of a grant that begins now. */
  const buildGrant = (access: GrantedAccess): GrantRow => {
    const times = lifetimes()
    const now = clock.now()
    // Without a refresh token it lasts as long as its one access token, so that it can be ended.
    const expires = access.refreshable ? access.session.expires_at : now
    const age = factorAgeOf({ factor_at: access.factorAt, auth_time: access.authTime }, limits())
    const { acr, amr } = asStrongAsNow(access, age, now)
    // One plain literal: copying rows costs as much as the rest of an exchange that is not signing.
    return {
      id: access.id ?? newGrantId(),
      session_id: access.session.id,
      user_id: access.userId,
      client_id: access.client.id,
      scope: access.scope,
      audience: access.audiences.join(' '),
      roles: access.standing.roles,
      role_scope: access.standing.role_scope,
      organisation_id: access.standing.organisation_id,
      auth_time: access.authTime,
      acr,
      amr,
      factor_at: access.factorAt,
      generation: 1,
      salt: randomToken(16),
      key_id: ring.current.id,
      created_at: now,
      rotated_at: now,
      idle_expires_at: seconds(Math.min(now + times.idle, expires)),
      expires_at: expires,
      // Room for the tokens that retries within the window are given without a write.
      access_expires_at: seconds(now + times.accessToken + times.replayWindow),
      rotates: access.client.profile === 'fapi2' ? 0 : 1,
      confirmation: access.confirmation ? JSON.stringify(access.confirmation) : null,
      claims: access.claims,
      authorization_details: access.authorizationDetails,
    }
  }

  const buildFirstPair = (access: GrantedAccess, grant: GrantRow): TokenPair => {
    const generation = access.refreshable ? 1 : undefined
    const { tokenAudiences: audiences, tokenDetails: details } = access
    const standing = asItStands(grant, roleRules())
    const { scope } = standing
    return buildPair(dependencies, access.client, { grant: standing, generation, scope, audiences, details })
  }

  return {
    async start(signIn) {
      const { user, client, standing } = signIn
      const amr = signIn.amr.join(' ')
      const { acr, address, device } = signIn
      const session = buildSession(
        clock,
        {
          ...{ user_id: user.id, cookie_hash: null, amr, acr, address, device },
          organisation_id: standing.organisation_id,
          provider_session: signIn.providerSession,
        },
        lifetimes(),
      )
      const access: GrantedAccess = {
        client,
        userId: user.id,
        session,
        authTime: session.auth_time,
        acr,
        amr,
        factorAt: factorMomentOf(session),
        standing,
        scope: signIn.scope,
        audiences: signIn.audiences,
        refreshable: client.grantTypes.has('refresh_token'),
        confirmation: undefined,
        claims: null,
        authorizationDetails: null,
      }
      const grant = buildGrant(access)
      const by = { actor: user.id, address, request_id: signIn.requestId }
      const ended = await store.transaction(async (tables) => {
        const newest = { keep: limits().perUser, present: session.id }
        // All at once, in this order: each trip to the database is time in which nobody else writes.
        const [, others, , , over] = await Promise.all([
          tables.sessions.insert(session),
          tables.grants.startInSession(grant, { now: clock.now(), membership_version: standing.membership_version }),
          signIn.alongside(tables),
          recordEvent(tables, clock, {
            ...{ type: 'sign_in', result: 'ok', target: user.id, client_id: client.id, session_id: session.id },
            detail: { amr: signIn.amr },
            ...by,
          }),
          endBeyond({ tables, clock, revocations }, { user: user.id, ...newest }, by),
          noteClient(dependencies, tables, client, { session, user }),
        ])
        if (others === undefined) throw changedMeanwhile()
        return over
      })
      await revocations.announce(ended)
      return buildFirstPair(access, grant)
    },

    async startGrant(tables, access, by) {
      const grant = buildGrant(access)
      const { membership_version } = access.standing
      const others = await tables.grants.startInSession(grant, { now: clock.now(), membership_version })
      if (others === undefined) throw restsOnNothing()
      const ending = { tables, clock, revocations }
      const ended = areTooMany(others) ? await endGrantsBeyond(ending, grant, { actor: access.userId, ...by }) : []
      return { grant, pair: buildFirstPair(access, grant), ended }
    },

    buildFirstPair,

    async startGrantByCode(access, codeHash, by, build) {
      await dependencies.standing.checkSession(access.session.id, by).catch((error: unknown) => {
        // The code cannot be brought again.
        if (!(error instanceof GatehouseError) || error.code !== 'temporarily_unavailable') throw error
      })
      const grant = buildGrant(access)
      const { membership_version } = access.standing
      const start = { now: clock.now(), membership_version, code_hash: codeHash }
      const [others, answer] = await Promise.all([
        store.grants.startByCode(grant, start),
        // Statements leave at the end of the tick: signatures come after that, while the database works.
        endOfTick().then(() => build(grant)),
      ])
      if (others === undefined) {
        const code = await store.authorizationCodes.find(codeHash)
        if (code?.reused_at == null) throw restsOnNothing()
      } else if (areTooMany(others)) {
        const actor = { actor: access.userId, ...by }
        const ended = await store.transaction((tables) => endGrantsBeyond({ tables, clock, revocations }, grant, actor))
        await revocations.announce(ended)
      }
      return answer
    },

    async refresh({ token, client, scope, audiences, details, confirmation, useProof, prepare, by }) {
      const times = lifetimes()
      const { grant: found, generation } = await dependencies.refreshTokens.refresh({
        token,
        clientId: client.id,
        authenticated: client.authMethod !== 'none',
        replayWindow: times.replayWindow,
        idleLifetime: times.idle,
        accessTokenLifetime: times.accessToken,
        factorIdle: limits().factorIdle,
        checkGrant(found) {
          checkConfirmation(found, client, confirmation)
          const granted = found.audience.split(' ')
          if (audiences?.some((audience) => !granted.includes(audience))) throw new GatehouseError('invalid_target')
          const standing = asItStands(found, roleRules())
          if (scope !== undefined && missingScopes(scope, parseScope(standing.scope) ?? new Set()).length > 0) {
            throw new GatehouseError('invalid_scope')
          }
          if (!narrowDetails(details, readGrantedDetails(found.authorization_details))) {
            throw new GatehouseError('invalid_authorization_details')
          }
        },
        async checkSession(session, granted) {
          await dependencies.standing.checkSession(session, by)
          await prepare?.(scope === undefined ? granted : formatScope(scope))
        },
        useProof,
        by,
      })
      const grant = asStrongAsNow(asItStands(found, roleRules()), factorAgeOf(found, limits()), clock.now())
      const narrowed = scope === undefined ? grant.scope : formatScope(scope)
      return {
        grant,
        pair: buildPair(dependencies, client, { grant, generation, scope: narrowed, audiences, details, confirmation }),
      }
    },
  }
}

const changedMeanwhile = (): GatehouseError => buildUnavailable(new Error('the membership has just changed'))

const restsOnNothing = (): GatehouseError =>
  new GatehouseError('invalid_grant', { cause: new Error('the session has ended, or the membership has changed') })

/**
 * A public client's refresh token works only with the key that it was bound to; a confidential one proves itself anew and
 * may have changed its key, and brings as many as before. Spec: RFC 9449 section 5, RFC 8705 section 4.
 */
function checkConfirmation(grant: GrantRow, client: Client, presented: Confirmation | undefined): void {
  if (grant.confirmation === null) return
  const bound = JSON.parse(grant.confirmation) as Confirmation // written by buildGrant above
  const mayChange = client.authMethod !== 'none'
  const isProven = (kind: 'jkt' | 'x5t#S256'): boolean =>
    bound[kind] === undefined || presented?.[kind] === bound[kind] || (mayChange && presented?.[kind] !== undefined)
  if (isProven('jkt') && isProven('x5t#S256')) return
  throw new GatehouseError('invalid_grant', { cause: new Error('the refresh token is bound to another key') })
}
