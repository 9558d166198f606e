import type { AccessTokenClaims, ActorClaim, RefusalReason } from '@gatehouse/core/contracts'
import type { JsonObject } from '@gatehouse/core/json'
import { parseScope, type ScopeSet } from '@gatehouse/core/scope'

/** The claims of a token, each found to be of the right type, with what is worked out of them once. */
export interface CheckedClaims {
  readonly claims: AccessTokenClaims
  readonly audiences: readonly string[]
  readonly scopes: ScopeSet
  readonly roles: ReadonlySet<string>
}

/**
 * Checks the type of every claim that anything is decided by, and the issuer; returns the claims frozen through and
 * through, or the reason of the refusal. What depends on the moment or on the caller is not looked at.
 * Spec: RFC 9068 sections 2.2 and 4, RFC 7519 section 4.1.
 * Stops: an `iss` that is a list with the right one in it, an `aud` that is an object, times as text.
 */
export function parseClaims(payload: JsonObject, issuer: string): CheckedClaims | RefusalReason {
  if (typeof payload.iss !== 'string') return 'bad_claims'
  if (payload.iss !== issuer) return 'wrong_issuer'
  if (!isName(payload.sub) || !isName(payload.client_id) || !isName(payload.jti)) return 'bad_claims'
  if (!isTime(payload.exp) || !isTime(payload.iat) || !isAbsentOr(isTime, payload.nbf)) return 'bad_claims'
  if (!isAbsentOr(isName, payload.sid) || !isAbsentOr(isName, payload.gid)) return 'bad_claims'
  if (!isAbsentOr(isTime, payload.auth_time) || !isAbsentOr(isNames, payload.amr)) return 'bad_claims'
  if (!isAbsentOr(isText, payload.acr) || !isAbsentOr(isText, payload.org)) return 'bad_claims'
  if (!isAbsentOr(isNames, payload.roles) || !isAbsentOr(isObject, payload.cnf)) return 'bad_claims'
  if (!isAbsentOr(isActor, payload.act) || !isAbsentOr(isObject, payload.may_act)) return 'bad_claims'
  if (!isAbsentOr(isObjects, payload.authorization_details) || !isAbsentOr(isNames, payload.origins))
    return 'bad_claims'

  const audiences = isName(payload.aud) ? [payload.aud] : payload.aud
  if (!isNames(audiences) || audiences.length === 0) return 'bad_claims'
  const scopes = isText(payload.scope) ? parseKnownScope(payload.scope) : undefined
  if (!scopes) return 'bad_claims'

  freezeDeep(payload)
  return {
    // Every member that the type names has been checked above.
    claims: payload as unknown as AccessTokenClaims,
    audiences: Object.freeze(audiences),
    scopes,
    roles: payload.roles === undefined ? noRoles : new Set(payload.roles),
  }
}

const noRoles: ReadonlySet<string> = new Set()

const knownScopes = new Map<string, ScopeSet>()
const maxKnownScopes = 1000

/** As `parseScope`. Tokens are many and the scopes that they carry few: each text is taken apart once. */
function parseKnownScope(text: string): ScopeSet | undefined {
  const known = knownScopes.get(text)
  if (known !== undefined) return known
  const scope = parseScope(text)
  if (scope === undefined) return undefined
  if (knownScopes.size >= maxKnownScopes) knownScopes.clear()
  knownScopes.set(text, scope)
  return scope
}

/** Whether a value is a whole number of seconds, not negative and exactly representable. */
export const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isText = (value: unknown): value is string => typeof value === 'string'
const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isNames = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isName)
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isObjects = (value: unknown): value is readonly object[] => Array.isArray(value) && value.every(isObject)

/** Spec: RFC 8693 section 4.1. */
function isActor(value: unknown): value is ActorClaim {
  if (!isObject(value)) return false
  const { sub, iss, client_id, act } = value as JsonObject
  return isName(sub) && isAbsentOr(isText, iss) && isAbsentOr(isName, client_id) && isAbsentOr(isActor, act)
}

function isAbsentOr<T>(check: (value: unknown) => value is T, value: unknown): value is T | undefined {
  return value === undefined || check(value)
}

function freezeDeep(value: object): void {
  // What JSON.parse made has no inherited members to guard against, and this costs half of Object.values.
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name]
    if (typeof member === 'object' && member !== null) freezeDeep(member)
  }
  Object.freeze(value)
}
