import { errorCatalogue } from '@gatehouse/core/errors'
import { seconds } from '@gatehouse/core/time'
import { checkDpopProof, type DpopFault, type DpopProof, isDpopRefusal } from '@gatehouse/guard/dpop'
import type { CheckedRequest } from '../check-request.ts'
import type { Denial } from '../denial.ts'
import type { Visit } from '../visit.ts'

/** What the checking of DPoP proofs needs of the program. */
export interface DpopProofs {
  /** By which clients reach the gateway, wherever TLS ends: the issuer's. */
  readonly scheme: 'http' | 'https'
  /** Whether a proof may carry this nonce, or none. */
  readonly isNonceAcceptable: (nonce: string | undefined) => boolean
  readonly currentNonce: () => string
  /** Whether a proof is used for the first time, by any process: the one thing here that is not answered from memory. */
  readonly consume: (proof: DpopProof) => Promise<boolean>
}

/** What of the gateway a proof is checked with. */
export interface ProofAuthenticator {
  readonly dpop?: DpopProofs | undefined
  readonly allowFailure?: (address: string) => boolean
}

/**
 * Checks the proof that came with a token, but for its replay; see {@link DpopProofs.consume}. Where the client should use
 * another nonce from now on, the answer will say so. Spec: RFC 9449 sections 4.3, 7.1 and 9.
 * Codes: invalid_dpop_proof, use_dpop_nonce, too_many_requests. Cost: one signature check.
 */
export function checkProof(
  authenticator: ProofAuthenticator,
  dpop: DpopProofs,
  visit: Visit,
  checked: CheckedRequest,
  accessToken: string,
  needed: string,
): DpopProof | Denial {
  const { request } = visit
  // Node joins two headers of this name by a comma, which no proof contains.
  const header = request.headers.dpop
  const proof = checkDpopProof(typeof header === 'string' ? header : '', {
    method: visit.method,
    url: `${dpop.scheme}://${checked.host}${checked.path}`,
    now: seconds(Math.floor(visit.startedAt / 1000)),
    accessToken,
    isNonceGood: dpop.isNonceAcceptable,
  })
  const current = dpop.currentNonce()
  if (!isDpopRefusal(proof)) {
    if (proof.nonce !== undefined && proof.nonce !== current) visit.response.setHeader('dpop-nonce', current)
    return proof
  }
  const { fault } = proof
  if (fault === 'bad_signature' && authenticator.allowFailure?.(visit.address) === false) {
    const reason = 'proofs with a bad signature, too often'
    return { code: 'too_many_requests', reason, needed, headers: ['retry-after', '60'] }
  }
  if (fault === 'wrong_nonce') visit.response.setHeader('dpop-nonce', current)
  return denyProof(fault, needed)
}

/** The refusal of a proof, which at a protected resource is 401 with a challenge (RFC 9449 section 7.1). */
export function denyProof(fault: DpopFault | 'replayed', needed: string): Denial {
  const code = fault === 'wrong_nonce' ? 'use_dpop_nonce' : 'invalid_dpop_proof'
  return {
    code,
    status: 401,
    reason: `the DPoP proof was refused: ${fault}`,
    needed,
    challenge: { error: code, description: errorCatalogue[code].description },
  }
}
