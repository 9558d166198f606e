import { isRefusal, type Refusal, type RefusalReason, type VerifiedToken } from '@gatehouse/core/contracts'
import { errorCatalogue } from '@gatehouse/core/errors'
import { isPossessed, type Possession } from '@gatehouse/guard/possession'
import type { CheckedRequest } from '../check-request.ts'
import { type Denial, isDenial } from '../denial.ts'
import type { Route } from '../route.ts'
import type { Visit } from '../visit.ts'
import { checkProof, type DpopProofs, type ProofAuthenticator } from './dpop-proof.ts'

/** What authentication needs of the gateway. */
export interface Authenticator extends ProofAuthenticator {
  readonly verify: (token: string, audiences: readonly string[], possession?: Possession) => VerifiedToken | Refusal
  /** The `x5t#S256` of the certificate that a request's client has shown; absent = no certificate ever reaches us. */
  readonly findCertificateThumbprint?: ((request: Visit['request']) => string | undefined) | undefined
}

/**
 * Finds out who calls: the verified token, nothing (where the route allows that), or a denial. One Authorization header with
 * the scheme Bearer, or DPoP and a proof, is the only way to present a token; a token that is bound is good for whoever has
 * proven it. What remains to be done with a proof is left in `visit.proof`.
 * Spec: RFC 6750 sections 2.1, 2.3 and 3, RFC 9449 sections 7.1 and 7.2, RFC 8705 section 3.
 * Codes: credentials_required, invalid_token, invalid_request, too_many_requests, temporarily_unavailable,
 * invalid_dpop_proof, use_dpop_nonce.
 * Stops: two credentials of which two servers use different ones; tokens in addresses and logs; bound tokens that were stolen.
 */
export function authenticate(
  authenticator: Authenticator,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
): VerifiedToken | Denial | undefined {
  const { credentials, needed } = route.requirement
  if (credentials === 'ignored') return undefined
  if (checked.authorizationCount > 1) return malformed('more than one Authorization header', needed)
  if (checked.query !== '' && hasAccessToken(checked.query)) return malformed('an access token in the query', needed)
  const { authorization } = checked
  if (authorization === undefined) {
    return credentials === 'optional' ? undefined : requireCredentials('no Authorization header', needed)
  }
  const bearer = parseBearer(authorization)
  if (bearer === undefined) return authenticateByProof(authenticator, visit, checked, route, authorization)
  const outcome = authenticator.verify(bearer, route.service.audiences, possessionOf(authenticator, visit))
  return isRefusal(outcome) ? denyToken(authenticator, visit, outcome.refused, needed) : outcome
}

/** The scheme DPoP. The token comes first, so that a proof for a worthless one costs no signature check. */
function authenticateByProof(
  authenticator: Authenticator,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  authorization: string,
): VerifiedToken | Denial {
  const { needed } = route.requirement
  const dpop: DpopProofs | undefined = authenticator.dpop
  const token = dpop === undefined ? undefined : parseDpop(authorization)
  if (dpop === undefined || token === undefined) {
    return requireCredentials('the Authorization header is neither a Bearer nor a DPoP token', needed)
  }
  visit.scheme = 'DPoP'
  const outcome = authenticator.verify(token, route.service.audiences, 'not_presented')
  if (isRefusal(outcome)) return denyToken(authenticator, visit, outcome.refused, needed)
  const proof = checkProof(authenticator, dpop, visit, checked, token, needed)
  if (isDenial(proof)) return proof
  const possession = { ...possessionOf(authenticator, visit), jkt: proof.jkt }
  if (!isPossessed(outcome.claims.cnf, possession)) {
    return denyToken(authenticator, visit, 'sender_constraint', needed)
  }
  visit.proof = proof
  return outcome
}

/** What a request shows by its connection alone. */
function possessionOf({ findCertificateThumbprint }: Authenticator, { request }: Visit) {
  if (findCertificateThumbprint === undefined) return undefined
  return { findCertificateThumbprint: () => findCertificateThumbprint(request) }
}

/** The token of a Bearer header; the scheme in any case, one or more spaces. `undefined` for anything else. */
export function parseBearer(header: string): string | undefined {
  if (header.length < 8 || header.charCodeAt(6) !== 0x20 || header.slice(0, 6).toLowerCase() !== 'bearer')
    return undefined
  return parseToken(header.slice(7))
}

const parseDpop = (header: string): string | undefined =>
  header.slice(0, 5).toLowerCase() === 'dpop ' ? parseToken(header.slice(5)) : undefined

function parseToken(text: string): string | undefined {
  const token = text.trimStart()
  return token === '' || token.includes(' ') || token.includes(',') ? undefined : token
}

/** Whether the query has a parameter `access_token`, however it is escaped. */
function hasAccessToken(query: string): boolean {
  if (!query.includes('access_token') && !query.includes('%')) return false
  return new URLSearchParams(query).has('access_token')
}

const malformed = (reason: string, needed: string): Denial => ({
  code: 'invalid_request',
  reason,
  needed,
  challenge: { error: 'invalid_request', description: errorCatalogue.invalid_request.description },
})

const requireCredentials = (reason: string, needed: string): Denial => ({
  code: 'credentials_required',
  reason,
  needed,
  challenge: {},
})

function denyToken(authenticator: Authenticator, visit: Visit, refused: RefusalReason, needed: string): Denial {
  const reason = `the token was refused: ${refused}`
  if (refused === 'not_ready') {
    return { code: 'temporarily_unavailable', reason, needed, headers: ['retry-after', '1'] }
  }
  // Only a failed signature cost something worth limiting.
  if (refused === 'bad_signature' && authenticator.allowFailure?.(visit.address) === false) {
    return { code: 'too_many_requests', reason: `${reason}, too often`, needed, headers: ['retry-after', '60'] }
  }
  const { description } = errorCatalogue.invalid_token
  return { code: 'invalid_token', reason, needed, challenge: { error: 'invalid_token', description } }
}
