import type { ClientId, GrantId, Seconds, SessionId } from '@gatehouse/core/brand'
import type { AccessTokenClaims, ActorClaim, RevocationSource, VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { type BoundRequest, digestRequest } from '@gatehouse/guard/request-binding'
import type { SigningKey } from './make-signing-key.ts'
import type { SealedTokens } from './sealed-tokens.ts'
import { signJwt } from './sign-jwt.ts'
import type { SigningKeys } from './signing-keys.ts'

/** What an access token is to say. */
export interface AccessTokenSubject {
  readonly sub: string
  readonly client_id: ClientId
  readonly aud: string | readonly string[]
  readonly scope: string
  readonly sid?: SessionId
  readonly gid?: GrantId
  readonly auth_time?: Seconds
  readonly acr?: string
  readonly amr?: readonly string[]
  /** Left out where empty. */
  readonly roles?: readonly string[]
  readonly org?: string
  /** What the token is bound to. */
  readonly cnf?: NonNullable<AccessTokenClaims['cnf']>
  readonly act?: ActorClaim
  readonly may_act?: JsonObject
  /** The `jti` of each access token that it is made from. */
  readonly origins?: readonly string[]
  readonly authorization_details?: readonly JsonObject[]
}

/** The `aud` claim: one audience as it is, several as a list. Spec: RFC 7519 section 4.1.3. */
export const audienceClaim = (audiences: readonly string[]): string | readonly string[] =>
  audiences.length === 1 ? (audiences[0] ?? '') : audiences

/** How an access token looks: signed, and readable by everybody, or sealed, and readable by Gatehouse alone. */
export type AccessTokenFormat = 'jwt' | 'opaque'

/** Issues access tokens and the gateway's identity tokens. */
export interface AccessTokens {
  /**
   * A signed JWT (RFC 9068 section 2) or, as `opaque`, the same claims sealed; see domain/sealed-tokens.
   * Cost: one ES256 signature on the calling thread, about 20 us; sealing takes half of that.
   */
  issue(
    subject: AccessTokenSubject,
    lifetime: Seconds,
    format?: AccessTokenFormat,
  ): { readonly token: string; readonly expiresAt: Seconds }
  /** The claims that a token issued now would have, unsigned. Cost: none worth naming. */
  describe(subject: AccessTokenSubject, lifetime: Seconds): AccessTokenClaims
  /**
   * What one service is told of the caller: a JWT of type `gatehouse-identity+jwt` for that service's audience alone.
   * Kept for 60 s beside the token that it was made from, and never valid beyond that one's `exp`. With `request` it is good
   * for that request alone (`cnf` has `req#S256`), for 60 s, and made anew each time. Cost: then one signature each.
   */
  issueIdentity(token: VerifiedToken, service: { readonly audience: string }, request?: BoundRequest): string
}

interface Dependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly keys: SigningKeys
  readonly revocations: RevocationSource
  /** For opaque tokens; without it there are none. */
  readonly sealedTokens?: SealedTokens | undefined
}

/** Seconds for which an identity token is handed out again; it is valid for twice that. */
const identityReuse = 60

export function createAccessTokens({ issuer, clock, keys, revocations, sealedTokens }: Dependencies): AccessTokens {
  const build = (key: SigningKey, claims: AccessTokenClaims, format: AccessTokenFormat): string => {
    if (format === 'jwt') return signJwt(key, accessTokenType, claims)
    if (!sealedTokens) throw new GatehouseError('server_error', { cause: new Error('opaque tokens are not set up') })
    return sealedTokens.seal(claims)
  }
  const describe = (subject: AccessTokenSubject, lifetime: Seconds): AccessTokenClaims => {
    const now = clock.now()
    const claims: AccessTokenClaims = {
      iss: issuer,
      ...subject,
      iat: now,
      exp: seconds(now + lifetime),
      jti: randomToken(16),
    }
    // A revocation by time includes its own second: what is issued after it in that second is dated one later.
    const isCovered = revocations.isRevoked({ claims, kid: keys.current().kid })
    return isCovered ? { ...claims, iat: seconds(now + 1) } : claims
  }
  const signIdentity = (
    { claims }: VerifiedToken,
    aud: string,
    {
      now,
      lifetime,
      cnf,
    }: { readonly now: Seconds; readonly lifetime: number; readonly cnf: AccessTokenClaims['cnf'] },
  ): { readonly jwt: string; readonly exp: number } => {
    const exp = Math.min(claims.exp, now + lifetime)
    const origins = claims.origins === undefined ? [claims.jti] : [...claims.origins, claims.jti]
    const own = { iss: issuer, aud, iat: now, exp, jti: randomToken(16), cnf, origins }
    return { jwt: signJwt(keys.current(), identityTokenType, { ...claims, ...own }), exp }
  }
  return {
    describe,
    issue(subject, lifetime, format = 'jwt') {
      const claims = describe(subject, lifetime)
      return { token: build(keys.current(), claims, format), expiresAt: claims.exp }
    },

    issueIdentity(token, service, request) {
      const now = clock.now()
      if (request) {
        const binding = { 'req#S256': digestRequest(request) }
        return signIdentity(token, service.audience, { now, lifetime: identityReuse, cnf: binding }).jwt
      }
      // By audience and not by name: a reload may give a service another one.
      const { memo } = token
      memo.identities ??= new Map()
      const known = memo.identities.get(service.audience)
      if (known && known.reuseUntil > now) return known.jwt
      // The gateway has seen the proof of possession; the service behind it has no key to ask one for.
      const { jwt, exp } = signIdentity(token, service.audience, { now, lifetime: 2 * identityReuse, cnf: undefined })
      memo.identities.set(service.audience, { jwt, reuseUntil: Math.min(now + identityReuse, exp) })
      return jwt
    },
  }
}
