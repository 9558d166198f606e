import type { VerifiedToken } from '@gatehouse/core/contracts'
import { missingScopes } from '@gatehouse/core/scope'
import type { Denial } from '../denial.ts'

/** What a route asks of its caller, as written in the configuration. */
export type RequireDefinition =
  | 'signed-in'
  | 'token'
  | 'optional'
  | 'nothing'
  | { readonly scopes?: readonly string[]; readonly roles?: readonly string[] }

/** What a route asks of its caller, ready to be checked. */
export interface Requirement {
  /** Whether credentials are looked at, and whether there must be some. */
  readonly credentials: 'ignored' | 'optional' | 'required'
  readonly userOnly: boolean
  /** All of them. */
  readonly scopes: readonly string[]
  /** Any of them; empty = no role is asked for. */
  readonly roles: readonly string[]
  /** What would satisfy it: a sentence for the log. */
  readonly needed: string
  /** The challenge for a token that is not enough. Spec: RFC 6750 section 3.1. */
  readonly challenge: string
}

/** Makes a rule ready. The definition is known to be well-formed; see `buildRouteTable`. */
export function buildRequirement(definition: RequireDefinition, realm: string): Requirement {
  const scopes = typeof definition === 'object' ? [...(definition.scopes ?? [])] : []
  const roles = typeof definition === 'object' ? [...(definition.roles ?? [])] : []
  const scope = scopes.length > 0 ? `, scope="${scopes.join(' ')}"` : ''
  return {
    credentials: definition === 'nothing' ? 'ignored' : definition === 'optional' ? 'optional' : 'required',
    userOnly: definition === 'signed-in',
    scopes,
    roles,
    needed: describe(definition, scopes, roles),
    challenge: `Bearer realm="${realm}", error="insufficient_scope", error_description="The access token lacks a required scope or role"${scope}`,
  }
}

function describe(definition: RequireDefinition, scopes: readonly string[], roles: readonly string[]): string {
  if (definition === 'nothing') return 'nothing'
  if (definition === 'optional') return 'no token, or a valid one'
  if (definition === 'signed-in') return 'a valid token of a user'
  if (definition === 'token') return 'a valid token'
  const parts: string[] = []
  if (scopes.length > 0) parts.push(`all of the scopes ${scopes.join(' ')}`)
  if (roles.length > 0) parts.push(`any of the roles ${roles.join(' ')}`)
  return `a valid token with ${parts.join(' and ')}`
}

/**
 * Checks a verified token against a route's rule. Code: insufficient_scope.
 * Stops: a client's own token where a person must be signed in.
 */
export function checkRequirement(requirement: Requirement, token: VerifiedToken | undefined): Denial | undefined {
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
  return undefined
}

const deny = (requirement: Requirement, reason: string): Denial => ({
  code: 'insufficient_scope',
  reason,
  needed: requirement.needed,
  headers: ['www-authenticate', requirement.challenge],
})
