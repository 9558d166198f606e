import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { missingScopes } from '@gatehouse/core/scope'
import { isTime } from './claims.ts'
import type { Principal } from './principal.ts'
import type { GuardRefusalReason } from './refusal.ts'

/** What a caller must bring. Keys together mean "and"; none at all means any valid token. */
export interface Requirement {
  /** All of these. */
  readonly scopes?: readonly string[]
  /** Any of these; an empty list therefore lets nobody through. */
  readonly roles?: readonly string[]
  /** A user's token: a client on its own behalf does not pass. */
  readonly signedIn?: boolean
  /** How the user must have signed in: any of these classes, the one to ask for first. Spec: RFC 9470. */
  readonly acr?: readonly string[]
  /** How many seconds ago the user may have signed in. Spec: RFC 9470. */
  readonly maxAge?: number
}

const knownKeys: ReadonlySet<string> = new Set(['scopes', 'roles', 'signedIn', 'acr', 'maxAge'])
const parsed = new WeakSet<Requirement>()

/**
 * The requirement itself once it is known to be one; an unknown key or a value of the wrong type throws, since a typing
 * error such as `scope` for `scopes` would otherwise open the door. Cost: nothing for one that was seen before.
 */
export function parseRequirement(requirement: Requirement): Requirement {
  if (parsed.has(requirement)) return requirement
  for (const key of Object.keys(requirement)) if (!knownKeys.has(key)) throw malformed(`unknown key "${key}"`)
  const { scopes, roles, signedIn, acr, maxAge } = requirement
  if (!isListOrAbsent(scopes) || !isListOrAbsent(roles)) throw malformed('scopes and roles are lists of names')
  if (!isListOrAbsent(acr)) throw malformed('acr is a list of names')
  if (maxAge !== undefined && !isTime(maxAge)) throw malformed('maxAge is a whole number of seconds')
  if (signedIn !== undefined && typeof signedIn !== 'boolean') throw malformed('signedIn is true or false')
  const own = Object.freeze({ ...requirement })
  parsed.add(own)
  return own
}

/** What the principal falls short of at a moment, or nothing. What a better sign-in could not mend comes first. */
export function checkRequirement(
  { scopes, roles, signedIn, acr, maxAge }: Requirement,
  principal: Pick<Principal, 'kind' | 'scopes' | 'roles' | 'acr' | 'authTime'>,
  now: Seconds,
): GuardRefusalReason | undefined {
  const needsUser = signedIn || acr !== undefined || maxAge !== undefined
  if (needsUser && principal.kind !== 'user') return 'not_signed_in'
  if (scopes && missingScopes(scopes, principal.scopes).length > 0) return 'insufficient_scope'
  if (roles && !roles.some((role) => principal.roles.has(role))) return 'insufficient_role'
  if (acr && !(principal.acr !== undefined && acr.includes(principal.acr))) return 'insufficient_sign_in'
  if (maxAge !== undefined && !(now - (principal.authTime ?? Number.NEGATIVE_INFINITY) <= maxAge)) {
    return 'insufficient_sign_in'
  }
  return undefined
}

const isListOrAbsent = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((item) => typeof item === 'string'))

const malformed = (what: string): GatehouseError =>
  new GatehouseError('server_error', { description: `The guard's requirement is malformed: ${what}` })
