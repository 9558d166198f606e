import type { AccessTokenClaims } from '@gatehouse/core/contracts'
import { type BoundRequest, digestRequest } from './request-binding.ts'

/** What a request has proven to hold beside its token. */
export interface ProvenPossession {
  /** The thumbprint of the key of a good DPoP proof that was made for this very token: the scheme was DPoP. */
  readonly jkt?: string | undefined
  /** The `x5t#S256` of the request's TLS certificate; asked for only where the token is bound to one. */
  readonly findCertificateThumbprint?: (() => string | undefined) | undefined
  /** The request that it came with; looked at only where the token is bound to one. */
  readonly request?: BoundRequest | undefined
}

/**
 * What is known of whoever presents a token. `not_presented`: the token is only asked about, by somebody who does not use it
 * (introspection, /validate), and who then reads its `cnf`. Absent: it came as a plain bearer token.
 */
export type Possession = ProvenPossession | 'not_presented' | undefined

/**
 * Whether a token may be used by whoever presents it: one that is bound, by whoever has proven each of its bindings; one that
 * is not, as a bearer token and in no other way. A binding of an unknown kind is satisfied by nobody.
 * Spec: RFC 7800 section 3, RFC 9449 sections 7.1 and 7.2, RFC 8705 section 3.
 * Stops: a stolen bound token used as a bearer token; a proof whose key the token does not know.
 */
export function isPossessed(cnf: AccessTokenClaims['cnf'], possession: Possession): boolean {
  if (possession === 'not_presented') return true
  if (cnf?.jkt !== possession?.jkt) return false
  if (cnf === undefined) return true
  const x5t = cnf['x5t#S256']
  if (x5t === undefined) return cnf.jkt !== undefined || cnf['req#S256'] !== undefined
  return x5t === possession?.findCertificateThumbprint?.()
}

/**
 * Whether a token may be used for the request that it came with: one that is bound to a request, for that one alone, and never
 * where nobody says which request it is.
 * Stops: an identity that a service replays for another request, or that is read out of a log.
 */
export function isForRequest(cnf: AccessTokenClaims['cnf'], possession: Possession): boolean {
  const bound = cnf?.['req#S256']
  if (bound === undefined || possession === 'not_presented') return true
  return possession?.request !== undefined && digestRequest(possession.request) === bound
}
