import type { VerifiedToken } from '@gatehouse/core/contracts'
import { errorCatalogue } from '@gatehouse/core/errors'
import { missingScopes } from '@gatehouse/core/scope'
import type { Denial } from '../denial.ts'

/** What a route asks of its caller, as written in the configuration. */
export type RequireDefinition =
  | 'signed-in'
  | 'token'
  | 'optional'
  | 'nothing'
  | {
      readonly scopes?: readonly string[]
      readonly roles?: readonly string[]
      readonly acr?: readonly string[]
      /** Seconds. */
      readonly maxAge?: number
    }

/** What a route asks of its caller, ready to be checked. */
export interface Requirement {
  /** Whether credentials are looked at, and whether there must be some. */
  readonly credentials: 'ignored' | 'optional' | 'required'
  readonly userOnly: boolean
  /** All of them. */
  readonly scopes: readonly string[]
  /** Any of them; empty = no role is asked for. */
  readonly roles: readonly string[]
  /** Classes of sign-in: any of them, the one to ask for first; empty = none is asked for. */
  readonly acr: readonly string[]
  /** How long ago the user may have signed in, in seconds. */
  readonly maxAge: number | undefined
  /** What would satisfy it: a sentence for the log. */
  readonly needed: string
}

/** Makes a rule ready. The definition is known to be well-formed; see `buildRouteTable`. */
export function buildRequirement(definition: RequireDefinition): Requirement {
  const { scopes = [], roles = [], acr = [], maxAge } = typeof definition === 'object' ? definition : {}
  return {
    credentials: definition === 'nothing' ? 'ignored' : definition === 'optional' ? 'optional' : 'required',
    // A client on its own behalf has not signed in, and no step-up could make it.
    userOnly: definition === 'signed-in' || acr.length > 0 || maxAge !== undefined,
    scopes: [...scopes],
    roles: [...roles],
    acr: [...acr],
    maxAge,
    needed: describe(definition),
  }
}

function describe(definition: RequireDefinition): string {
  if (definition === 'nothing') return 'nothing'
  if (definition === 'optional') return 'no token, or a valid one'
  if (definition === 'signed-in') return 'a valid token of a user'
  if (definition === 'token') return 'a valid token'
  const { scopes = [], roles = [], acr = [], maxAge } = definition
  const parts: string[] = []
  if (scopes.length > 0) parts.push(`all of the scopes ${scopes.join(' ')}`)
  if (roles.length > 0) parts.push(`any of the roles ${roles.join(' ')}`)
  if (acr.length > 0) parts.push(`a sign-in of any of the classes ${acr.join(' ')}`)
  if (maxAge !== undefined) parts.push(`a sign-in at most ${maxAge} s ago`)
  return `a valid token with ${parts.join(' and ')}`
}

/**
 * Checks a verified token against a route's rule at a moment (milliseconds since 1970). What a better sign-in could not mend
 * is said first. Codes: insufficient_scope (RFC 6750 section 3.1), insufficient_user_authentication (RFC 9470 section 3).
 * Stops: a client's own token where a person must be signed in.
 */
export function checkRequirement(
  requirement: Requirement,
  token: VerifiedToken | undefined,
  now: number,
): Denial | undefined {
  if (requirement.credentials !== 'required') return undefined
  // Authentication has answered before this where a token must be there; without one nothing passes here either.
  if (token === undefined) return { code: 'credentials_required', reason: 'no token', needed: requirement.needed }
  if (requirement.userOnly && !token.claims.sub.startsWith('usr_')) {
    return deny(requirement, 'the token is that of a client, not of a user')
  }
  for (const scope of requirement.scopes) {
    if (!token.scopes.has(scope)) {
      const missing = missingScopes(requirement.scopes, token.scopes).join(' ')
      return deny(requirement, `the token has the scope "${token.claims.scope}" and lacks ${missing}`)
    }
  }
  if (requirement.roles.length > 0 && !requirement.roles.some((role) => token.roles.has(role))) {
    return deny(requirement, `the token has the roles "${[...token.roles].join(' ')}"`)
  }
  return checkSignIn(requirement, token, now)
}

function checkSignIn(requirement: Requirement, { claims }: VerifiedToken, now: number): Denial | undefined {
  const { acr, maxAge } = requirement
  if (acr.length > 0 && (claims.acr === undefined || !acr.includes(claims.acr))) {
    return askForSignIn(requirement, `the sign-in is of the class "${claims.acr ?? ''}"`)
  }
  if (maxAge === undefined) return undefined
  if (claims.auth_time === undefined) return askForSignIn(requirement, 'the token does not say when the user signed in')
  const age = Math.floor(now / 1000) - claims.auth_time
  return age > maxAge ? askForSignIn(requirement, `the user signed in ${age} s ago`) : undefined
}

const deny = ({ needed, scopes }: Requirement, reason: string): Denial => ({
  code: 'insufficient_scope',
  reason,
  needed,
  challenge: {
    error: 'insufficient_scope',
    description: errorCatalogue.insufficient_scope.description,
    scope: scopes.join(' '),
  },
})

const askForSignIn = ({ needed, acr, maxAge }: Requirement, reason: string): Denial => ({
  code: 'insufficient_user_authentication',
  reason,
  needed,
  challenge: {
    error: 'insufficient_user_authentication',
    description: errorCatalogue.insufficient_user_authentication.description,
    acrValues: acr,
    ...(maxAge === undefined ? {} : { maxAge }),
  },
})
