import { isRefusal, type Refusal, type RefusalReason, type VerifiedToken } from '@gatehouse/core/contracts'
import type { CheckedRequest } from '../check-request.ts'
import type { Denial } from '../denial.ts'
import type { Route } from '../route.ts'
import type { Visit } from '../visit.ts'

/** What authentication needs of the gateway. */
export interface Authenticator {
  readonly verify: (token: string, audiences: readonly string[]) => VerifiedToken | Refusal
  readonly allowFailure?: (address: string) => boolean
}

/**
 * Finds out who calls: the verified token, nothing (where the route allows that), or a denial. One Authorization header
 * with the scheme Bearer is the only way to present a token. Spec: RFC 6750 sections 2.1, 2.3 and 3.
 * Codes: credentials_required, invalid_token, invalid_request, too_many_requests, temporarily_unavailable.
 * Stops: two credentials of which two servers use different ones; tokens in addresses and logs.
 */
export function authenticate(
  authenticator: Authenticator,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  realm: string,
): VerifiedToken | Denial | undefined {
  const { credentials, needed } = route.requirement
  if (credentials === 'ignored') return undefined
  if (checked.authorizationCount > 1) return malformed('more than one Authorization header', needed, realm)
  if (checked.query !== '' && hasAccessToken(checked.query)) {
    return malformed('an access token in the query', needed, realm)
  }
  const { authorization } = checked
  if (authorization === undefined && credentials === 'optional') return undefined
  const token = authorization === undefined ? undefined : parseBearer(authorization)
  if (token === undefined) {
    const reason =
      authorization === undefined ? 'no Authorization header' : 'the Authorization header is no Bearer token'
    const headers = ['www-authenticate', `Bearer realm="${realm}"`]
    return { code: 'credentials_required', reason, needed, headers }
  }
  const outcome = authenticator.verify(token, route.service.audiences)
  if (isRefusal(outcome)) return denyToken(authenticator, visit, outcome.refused, needed, realm)
  // A bound token presented as a plain bearer token is a stolen one until its holder proves the key. RFC 9449 section 7.1.
  if (outcome.claims.cnf !== undefined) return denyToken(authenticator, visit, 'sender_constraint', needed, realm)
  return outcome
}

/** The token of a Bearer header; the scheme in any case, one or more spaces. `undefined` for anything else. */
export function parseBearer(header: string): string | undefined {
  if (header.length < 8 || header.charCodeAt(6) !== 0x20 || header.slice(0, 6).toLowerCase() !== 'bearer')
    return undefined
  const token = header.slice(7).trimStart()
  return token === '' || token.includes(' ') || token.includes(',') ? undefined : token
}

/** Whether the query has a parameter `access_token`, however it is escaped. */
function hasAccessToken(query: string): boolean {
  if (!query.includes('access_token') && !query.includes('%')) return false
  return new URLSearchParams(query).has('access_token')
}

const malformed = (reason: string, needed: string, realm: string): Denial => ({
  code: 'invalid_request',
  reason,
  needed,
  headers: [
    'www-authenticate',
    `Bearer realm="${realm}", error="invalid_request", error_description="The request is malformed"`,
  ],
})

function denyToken(
  authenticator: Authenticator,
  visit: Visit,
  refused: RefusalReason,
  needed: string,
  realm: string,
): Denial {
  const reason = `the token was refused: ${refused}`
  if (refused === 'not_ready') {
    return { code: 'temporarily_unavailable', reason, needed, headers: ['retry-after', '1'] }
  }
  // Only a failed signature cost something worth limiting.
  if (refused === 'bad_signature' && authenticator.allowFailure?.(visit.address) === false) {
    return { code: 'too_many_requests', reason: `${reason}, too often`, needed, headers: ['retry-after', '60'] }
  }
  return {
    code: 'invalid_token',
    reason,
    needed,
    headers: [
      'www-authenticate',
      `Bearer realm="${realm}", error="invalid_token", error_description="The access token is invalid, expired or revoked"`,
    ],
  }
}
