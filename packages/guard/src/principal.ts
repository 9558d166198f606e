import type { AccessTokenClaims, ActorClaim, VerifiedToken } from '@gatehouse/core/contracts'

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
  /**
   * Who acts for the subject, the last one first: the services that the call has passed on its way here, each by its client
   * id. Empty where the subject's own client calls. Spec: RFC 8693 section 4.1: only the first may be decided by.
   */
  readonly actors: readonly string[]
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
    actors: claims.act === undefined ? nobody : listActors(claims.act),
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

const nobody: readonly string[] = Object.freeze([])

function listActors(first: ActorClaim): readonly string[] {
  const actors: string[] = []
  for (let actor: ActorClaim | undefined = first; actor !== undefined; actor = actor.act) actors.push(actor.sub)
  return actors
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

/** User ids begin with `usr_`, and client ids may not. */
const isUserId = (subject: string): boolean => subject.startsWith('usr_')
