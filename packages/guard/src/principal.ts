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
  const principal: Writable<Principal> = {
    subject: claims.sub,
    kind: isUserId(claims.sub) ? 'user' : 'client',
    clientId: claims.client_id,
    scopes: new Set(token.scopes),
    roles: new Set(token.roles),
    expiresAt: claims.exp,
    audience: token.audiences,
    claims,
  }
  // One by one and not by spreading: this is built for each request.
  if (claims.sid !== undefined) principal.session = claims.sid
  if (claims.gid !== undefined) principal.grant = claims.gid
  if (claims.org !== undefined) principal.org = claims.org
  if (claims.acr !== undefined) principal.acr = claims.acr
  if (claims.amr !== undefined) principal.amr = claims.amr
  if (claims.auth_time !== undefined) principal.authTime = claims.auth_time
  return principal
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** User ids begin with `usr_`, and client ids may not. */
const isUserId = (subject: string): boolean => subject.startsWith('usr_')
