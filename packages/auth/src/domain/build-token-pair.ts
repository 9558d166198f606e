import type { Seconds } from '@gatehouse/core/brand'
import type { AccessTokenClaims } from '@gatehouse/core/contracts'
import type { JsonObject } from '@gatehouse/core/json'
import type { GrantRow } from '@gatehouse/store/rows'
import { type AccessTokenSubject, type AccessTokens, audienceClaim } from './access-tokens.ts'
import type { Client } from './clients.ts'
import { rolesTold } from './effective-access.ts'
import { readGrantedDetails } from './granted-details.ts'
import type { RefreshTokens } from './refresh-tokens.ts'

/** What a token is bound to. Spec: RFC 7800 section 3. */
export type Confirmation = NonNullable<AccessTokenClaims['cnf']>

/** An access token and, where there is one, the refresh token that brings the next: RFC 6749 section 5.1. */
export interface TokenPair {
  readonly access_token: string
  readonly token_type: 'Bearer' | 'DPoP'
  readonly expires_in: number
  readonly refresh_token?: string
  readonly scope: string
  readonly authorization_details?: readonly JsonObject[]
}

/** What goes into a pair beside what its grant says. */
export interface PairParts {
  readonly grant: GrantRow
  /** Whose refresh token goes with it; absent = none does. */
  readonly generation: number | undefined
  readonly scope: string
  readonly audiences?: readonly string[] | undefined
  readonly details?: readonly JsonObject[] | undefined
  /** What this access token is bound to, in place of what the grant is. */
  readonly confirmation?: Confirmation | undefined
}

interface Dependencies {
  readonly accessTokens: AccessTokens
  readonly refreshTokens: Pick<RefreshTokens, 'build'>
  readonly lifetimes: () => { readonly accessToken: Seconds }
}

/** What the access tokens of a grant say, whatever becomes of it. */
export function describeGrant(
  grant: GrantRow,
  client: Client,
  { scope, audiences = grant.audience.split(' '), details, confirmation }: Omit<PairParts, 'grant' | 'generation'>,
): AccessTokenSubject {
  // The column is written by this file alone.
  const cnf =
    confirmation ?? (grant.confirmation === null ? undefined : (JSON.parse(grant.confirmation) as Confirmation))
  const granted = details ?? readGrantedDetails(grant.authorization_details)
  const roles = rolesTold(grant, client)
  return {
    sub: grant.user_id,
    client_id: grant.client_id,
    aud: audienceClaim(audiences),
    scope,
    sid: grant.session_id,
    gid: grant.id,
    auth_time: grant.auth_time,
    acr: grant.acr,
    amr: grant.amr.split(' '),
    ...(roles.length === 0 ? {} : { roles }),
    ...(grant.organisation_id === null ? {} : { org: grant.organisation_id }),
    ...(cnf ? { cnf } : {}),
    ...(granted.length > 0 ? { authorization_details: granted } : {}),
  }
}

/** The tokens of a grant as it is: nothing is read or written. Cost: one signature. */
export function buildPair(
  { accessTokens, refreshTokens, lifetimes }: Dependencies,
  client: Client,
  parts: PairParts,
): TokenPair {
  const { grant, generation, scope } = parts
  const lifetime = lifetimes().accessToken
  const subject = describeGrant(grant, client, parts)
  const { authorization_details } = subject
  const { token } = accessTokens.issue(subject, lifetime, client.accessTokenFormat)
  return {
    access_token: token,
    token_type: subject.cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
    expires_in: lifetime,
    ...(generation === undefined ? {} : { refresh_token: refreshTokens.build(grant, generation) }),
    scope,
    ...(authorization_details === undefined ? {} : { authorization_details }),
  }
}
