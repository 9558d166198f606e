import { errorCatalogue, GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { buildChallenge } from '@gatehouse/guard/challenge'
import {
  checkDpopProof,
  type DpopFault,
  type DpopProof,
  dpopAlgorithms,
  identifyProof,
  isDpopRefusal,
} from '@gatehouse/guard/dpop'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { EndpointRequest } from '../http/endpoint.ts'
import { createDpopNonces, type DpopNonces } from './dpop-nonce.ts'

/** The request that a proof must have been made for. */
export interface ProofTarget {
  readonly method: string
  /** As the client sees it: the issuer and the endpoint's path. */
  readonly url: string
  /** At a protected resource: the access token that came with it. */
  readonly accessToken?: string | undefined
}

/** What a request has proven, by a proof that is good but for one question: whether it was used before. */
export interface InspectedProof {
  /** The thumbprint of the key: what tokens are bound to, and must be bound to. */
  readonly jkt: string
  /** The nonce for the client's next proof; absent where it has that one. To be sent as the header DPoP-Nonce. */
  readonly freshNonce?: string
  readonly proof: DpopProof
}

/** Checks the proofs of possession that requests bring. */
export interface Dpop {
  /**
   * The key that a request proves, or nothing where it has no DPoP header. The proof is not used up: that must be done by
   * {@link Dpop.use}, once all else is found good and before anything is done for it, so that nothing is written for strangers.
   * Errors: `invalid_dpop_proof`, and `use_dpop_nonce` with the header DPoP-Nonce; where an access token came with it both
   * are 401 with a challenge (RFC 9449 section 7.1), else 400. `too_many_requests` where too many from this address had a bad
   * signature: no more are checked until the minute is over.
   * Cost: one signature check; nothing without the header.
   */
  inspect(request: Pick<EndpointRequest<never>, 'headers' | 'address'>, target: ProofTarget): InspectedProof | undefined
  /**
   * Uses a proof up: of any number of requests with one proof, one goes on. Error: `invalid_dpop_proof` where it has been used
   * before, as 400 or 401 like the others. Cost: one insert.
   */
  use(proof: DpopProof, target: ProofTarget): Promise<void>
  /** Whether a proof is used for the first time, by any process: of several at once one gets true. Cost: one insert. */
  consume(proof: DpopProof): Promise<boolean>
  readonly nonces: DpopNonces
  /** Whether proofs must carry a nonce. */
  readonly requiresNonce: boolean
}

interface Dependencies {
  readonly store: Pick<Store, 'usedIdentifiers'>
  readonly clock: Clock
  /** Proofs with a bad signature, by address. */
  readonly failures: AddressLimit
  /** The keys of the nonces. */
  readonly ring: KeyRing
  /** Whether proofs must carry a nonce of ours. */
  readonly requireNonce: () => boolean
}

/**
 * Proof of possession. Spec: RFC 9449 sections 4.3, 5, 8 and 9. What is stored of a proof is a hash, until it could not be
 * used again anyway.
 */
export function createDpop({ store, clock, failures, ring, requireNonce }: Dependencies): Dpop {
  const nonces = createDpopNonces({ clock, ring })
  const consume = (proof: DpopProof): Promise<boolean> => {
    const { hash, expiresAt } = identifyProof(proof)
    return store.usedIdentifiers.consume({ kind: 'dpop', hash, expires_at: expiresAt })
  }
  const inspect: Dpop['inspect'] = ({ headers, address }, { method, url, accessToken }) => {
    // Node joins two headers of this name by a comma, which no proof contains.
    const header = headers.dpop
    if (header === undefined) return undefined
    if (failures.isOver(address)) throw new GatehouseError('too_many_requests', { retryAfter: failures.retryAfter })
    const isRequired = requireNonce()
    const outcome = checkDpopProof(typeof header === 'string' ? header : '', {
      method,
      url,
      now: clock.now(),
      accessToken,
      isNonceGood: (nonce) => nonces.isAcceptable(nonce, isRequired),
    })
    if (isDpopRefusal(outcome) && outcome.fault === 'bad_signature') failures.count(address)
    if (isDpopRefusal(outcome)) throw refuseProof(outcome.fault, nonces, accessToken !== undefined)
    const current = nonces.current()
    const isFresh = !isRequired || outcome.nonce === current
    return { jkt: outcome.jkt, proof: outcome, ...(isFresh ? {} : { freshNonce: current }) }
  }
  const use: Dpop['use'] = async (proof, { accessToken }) => {
    if (!(await consume(proof))) throw refuseProof('replayed', nonces, accessToken !== undefined)
  }
  return {
    nonces,
    consume,
    inspect,
    use,
    get requiresNonce() {
      return requireNonce()
    },
  }
}

type Fault = DpopFault | 'replayed'

/** A protected resource refuses with a challenge and 401, whatever the catalogue says for the token endpoint. */
class ChallengeError extends GatehouseError {
  override readonly status: number = 401
}

function refuseProof(fault: Fault, nonces: DpopNonces, atResource: boolean): GatehouseError {
  const code = fault === 'wrong_nonce' ? 'use_dpop_nonce' : 'invalid_dpop_proof'
  const cause = new Error(`DPoP proof: ${fault}`)
  const nonce: Record<string, string> = code === 'use_dpop_nonce' ? { 'dpop-nonce': nonces.current() } : {}
  if (!atResource) return new GatehouseError(code, { cause, headers: nonce })
  const description = errorCatalogue[code].description
  const challenge = buildChallenge('gatehouse', { scheme: 'DPoP', error: code, description, algs: dpopAlgorithms })
  return new ChallengeError(code, { cause, headers: { ...nonce, 'www-authenticate': challenge } })
}
