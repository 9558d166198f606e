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

/** What a request has proven. */
export interface ProvenKey {
  /** The thumbprint of the key: what tokens are bound to, and must be bound to. */
  readonly jkt: string
  /** The nonce for the client's next proof; absent where it has that one. To be sent as the header DPoP-Nonce. */
  readonly freshNonce?: string
}

/** A proof that is good but for one question: whether it was used before. */
export interface InspectedProof extends ProvenKey {
  readonly proof: DpopProof
}

/** Checks the proofs of possession that requests bring. */
export interface Dpop {
  /**
   * The key that a request proves, or nothing where it has no DPoP header. The proof then is used up.
   * Errors: `invalid_dpop_proof`, and `use_dpop_nonce` with the header DPoP-Nonce; where an access token came with it both
   * are 401 with a challenge (RFC 9449 section 7.1), else 400.
   * Cost: one signature check and one insert; nothing without the header.
   */
  check(request: Pick<EndpointRequest<never>, 'headers'>, target: ProofTarget): Promise<ProvenKey | undefined>
  /** The same without using the proof up: what is found must be, by {@link Dpop.use}, before anything is done for it. */
  inspect(request: Pick<EndpointRequest<never>, 'headers'>, target: ProofTarget): InspectedProof | undefined
  /** Uses a proof up. Error: `invalid_dpop_proof` where it has been used before, as 400 or 401 like the others. */
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
  /** The keys of the nonces. */
  readonly ring: KeyRing
  /** Whether proofs must carry a nonce of ours. */
  readonly requireNonce: () => boolean
}

/**
 * Proof of possession. Spec: RFC 9449 sections 4.3, 5, 8 and 9. What is stored of a proof is a hash, until it could not be
 * used again anyway.
 */
export function createDpop({ store, clock, ring, requireNonce }: Dependencies): Dpop {
  const nonces = createDpopNonces({ clock, ring })
  const consume = (proof: DpopProof): Promise<boolean> => {
    const { hash, expiresAt } = identifyProof(proof)
    return store.usedIdentifiers.consume({ kind: 'dpop', hash, expires_at: expiresAt })
  }
  const inspect: Dpop['inspect'] = ({ headers }, { method, url, accessToken }) => {
    // Node joins two headers of this name by a comma, which no proof contains.
    const header = headers.dpop
    if (header === undefined) return undefined
    const isRequired = requireNonce()
    const outcome = checkDpopProof(typeof header === 'string' ? header : '', {
      method,
      url,
      now: clock.now(),
      accessToken,
      isNonceGood: (nonce) => nonces.isAcceptable(nonce, isRequired),
    })
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
    async check(request, target) {
      const inspected = inspect(request, target)
      if (!inspected) return undefined
      const { proof, ...proven } = inspected
      await use(proof, target)
      return proven
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
