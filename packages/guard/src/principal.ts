import type { AccessTokenClaims, VerifiedToken } from '@gatehouse/core/contracts'

/** Who is calling, and with what rights: all of it out of a verified token. */
export interface Principal {
  /** A user's id (`usr_…`), or the client's id where a client acts on its own behalf. */
  readonly subject: string
  readonly kind: 'user' | 'client'
  /** The client through which the call is made. */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  readonly session?: string
  readonly grant?: string
  readonly org?: string
  /** How well the user was authenticated, by class and by methods. */
  readonly acr?: string
  readonly amr?: readonly string[]
  /** When the user proved who they are: seconds since 1970 UTC. */
  readonly authTime?: number
  /** When the token ends: seconds since 1970 UTC. */
  readonly expiresAt: number
  readonly audience: readonly string[]
  /** All claims as they stand in the token, frozen. */
  readonly claims: AccessTokenClaims
}

/** The principal of a verified token. The sets are copies, so that nobody's changes reach the next request. */
export function buildPrincipal(token: VerifiedToken): Principal {
  const { claims } = token
  return {
    subject: claims.sub,
    kind: isUserId(claims.sub) ? 'user' : 'client',
    clientId: claims.client_id,
    scopes: new Set(token.scopes),
    roles: new Set(token.roles),
    ...(claims.sid !== undefined && { session: claims.sid }),
    ...(claims.gid !== undefined && { grant: claims.gid }),
    ...(claims.org !== undefined && { org: claims.org }),
    ...(claims.acr !== undefined && { acr: claims.acr }),
    ...(claims.amr !== undefined && { amr: claims.amr }),
    ...(claims.auth_time !== undefined && { authTime: claims.auth_time }),
    expiresAt: claims.exp,
    audience: token.audiences,
    claims,
  }
}

/** User ids begin with `usr_`, and client ids may not. */
const isUserId = (subject: string): boolean => subject.startsWith('usr_')
