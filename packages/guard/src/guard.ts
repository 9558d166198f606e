import { isRefusal, type RevocationSource, type VerifiedToken } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifier, createAccessTokenVerifier } from './access-token.ts'
import { parseCredentials, type TokenScheme } from './credentials.ts'
import { createDiscovery } from './discovery.ts'
import { checkDpopProof, type DpopProof, isDpopRefusal } from './dpop.ts'
import { type GuardOptions, parseGuardOptions } from './guard-options.ts'
import { expectationOf, findProof, type GuardRequest } from './guard-request.ts'
import { createIntrospection, type Introspection } from './introspection.ts'
import { createRemoteKeys, type RemoteKeys } from './jwks.ts'
import { isPossessed, type Possession } from './possession.ts'
import { buildPrincipal, type Principal } from './principal.ts'
import { createProofMemory, type ProofMemory } from './proof-memory.ts'
import { GuardRefusal, type GuardRefusalReason } from './refusal.ts'
import { checkRequirement, parseRequirement, type Requirement } from './requirement.ts'

/** Answers whether a token is good, whose it is and whether it is enough. Every "no" is a {@link GuardRefusal}. */
export interface Guard {
  /** The principal of a good token for this service. */
  verify(token: string): Promise<Principal>
  /** The same, and that it satisfies the requirement. No token at all is `credentials_required`. */
  check(token: string | undefined, require?: Requirement): Promise<Principal>
  /**
   * The same for a request with one Authorization header; more than one is refused. Only here can a token be bound: to the
   * key of the request's DPoP proof, where the option `dpop` is set, or to the certificate of its connection.
   */
  authorize(request: GuardRequest, require?: Requirement): Promise<Principal>
}

/**
 * Builds the guard of a service. It accepts access tokens (`at+jwt`) and the identity that the gateway signs for the
 * service (`gatehouse-identity+jwt`), addressed to this service's audience. Options that make no sense throw at once.
 *
 * Revocation, as it stands: the guard does not follow the revocation feed yet. A token of a session that has ended stays
 * good here until it expires, unless `online` is set. Behind the gateway the gap is small, since the gateway refuses
 * revoked tokens itself and its identities live for 60 s at most.
 *
 * Cost: no I/O once the keys are known (they are fetched at the first token), but for `online`.
 */
export function createGuard(options: GuardOptions): Guard {
  const { issuer, audiences, jwksUri, client, online, dpopOrigin, fetch, clock, cacheSize, allowHttp } =
    parseGuardOptions(options)
  const discovery = createDiscovery({ issuer, fetch, allowHttp })
  const keys = createRemoteKeys({ discovery, fetch, clock, ...(jwksUri !== undefined && { jwksUri }) })
  const verifier = createAccessTokenVerifier({
    issuer,
    types: [accessTokenType, identityTokenType],
    keys,
    revocations: noFeed,
    clock,
    ...(cacheSize !== undefined && { cacheSize }),
  })
  const introspection = online && client ? createIntrospection({ discovery, client, fetch, clock }) : undefined
  const proofs = dpopOrigin === undefined ? undefined : { origin: dpopOrigin, memory: createProofMemory(clock) }
  return new RemoteGuard({ audiences, keys, verifier, introspection, proofs, clock })
}

/** What a guard knows of revocations without a feed: nothing, and it does not pretend to wait for any. */
const noFeed: RevocationSource = { current: true, isRevoked: () => false }

interface GuardParts {
  readonly audiences: readonly [string, ...string[]]
  readonly keys: RemoteKeys
  readonly verifier: AccessTokenVerifier
  readonly introspection: Introspection | undefined
  /** Absent where DPoP is no way to present a token. */
  readonly proofs: { readonly origin: string; readonly memory: ProofMemory } | undefined
  readonly clock: Clock
}

/** How a token came, and with what. */
interface Presented {
  readonly token: string
  readonly scheme: TokenScheme
  readonly request: GuardRequest | undefined
}

class RemoteGuard implements Guard {
  readonly #parts: GuardParts
  readonly #realm: string

  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#realm = parts.audiences[0]
  }

  async verify(token: string): Promise<Principal> {
    const verified = await this.#verifyLocally({ token, scheme: 'Bearer', request: undefined }, undefined)
    await this.#checkOnline(token, verified)
    return buildPrincipal(verified)
  }

  async check(token: string | undefined, require: Requirement = {}): Promise<Principal> {
    const requirement = parseRequirement(require)
    if (token === undefined || token === '') throw this.#refuse('no_credentials')
    return this.#admit({ token, scheme: 'Bearer', request: undefined }, requirement)
  }

  async authorize(request: GuardRequest, require: Requirement = {}): Promise<Principal> {
    const requirement = parseRequirement(require)
    const credentials = parseCredentials(request.authorization)
    if (credentials === 'malformed') throw this.#refuse('malformed')
    if (credentials === 'absent' || (credentials.scheme === 'DPoP' && !this.#parts.proofs)) {
      throw this.#refuse('no_credentials')
    }
    return this.#admit({ ...credentials, request }, requirement)
  }

  /** The proof is used up last, so that a request that is refused for something else leaves nothing behind. */
  async #admit(presented: Presented, requirement: Requirement): Promise<Principal> {
    const { token, scheme, request } = presented
    const findCertificateThumbprint = request?.findCertificateThumbprint
    const verified = await this.#verifyLocally(
      presented,
      scheme === 'DPoP' ? 'not_presented' : { findCertificateThumbprint },
    )
    const proof = scheme === 'DPoP' ? this.#getProof(presented, verified) : undefined
    await this.#checkOnline(token, verified)
    const principal = buildPrincipal(verified)
    this.#checkRequirement(requirement, principal, scheme)
    if (proof && this.#parts.proofs?.memory.consume(proof) !== true) {
      throw this.#refuse('bad_proof', new Error('the proof was used before'), scheme)
    }
    return principal
  }

  #checkRequirement(requirement: Requirement, principal: Principal, scheme: TokenScheme): void {
    const shortfall = checkRequirement(requirement, principal, this.#parts.clock.now())
    if (!shortfall) return
    const { scopes, acr, maxAge } = requirement
    const scope = shortfall === 'insufficient_scope' && scopes ? { scope: scopes.join(' ') } : {}
    const signIn =
      shortfall === 'insufficient_sign_in'
        ? { ...(acr && { acrValues: acr }), ...(maxAge !== undefined && { maxAge }) }
        : {}
    throw new GuardRefusal(shortfall, { realm: this.#realm, scheme, wanted: { ...scope, ...signIn } })
  }

  /** The good proof that came with a token that is bound to its key. */
  #getProof({ token, request }: Presented, verified: VerifiedToken): DpopProof {
    const { proofs, clock } = this.#parts
    // Both are there: `authorize` has seen to it. Without them nothing is proven.
    if (!proofs || !request) throw this.#refuse('sender_constraint')
    const outcome = checkDpopProof(findProof(request), expectationOf(request, proofs.origin, token, clock.now()))
    if (isDpopRefusal(outcome)) throw this.#refuse('bad_proof', new Error(outcome.fault), 'DPoP')
    const { findCertificateThumbprint } = request
    if (!isPossessed(verified.claims.cnf, { jkt: outcome.jkt, findCertificateThumbprint })) {
      throw this.#refuse('sender_constraint', undefined, 'DPoP')
    }
    return outcome
  }

  async #verifyLocally({ token, scheme }: Presented, possession: Possession): Promise<VerifiedToken> {
    const { keys, verifier, audiences } = this.#parts
    try {
      await keys.ready()
    } catch (cause) {
      throw this.#refuse('keys_unavailable', cause)
    }
    let outcome = verifier.verify(token, audiences, possession)
    if (isRefusal(outcome) && outcome.refused === 'unknown_key' && (await keys.refetch())) {
      outcome = verifier.verify(token, audiences, possession)
    }
    if (isRefusal(outcome)) throw this.#refuse(outcome.refused, undefined, scheme)
    return outcome
  }

  /** An identity of the gateway is not asked about: no endpoint knows it, and the gateway has asked when signing it. */
  async #checkOnline(token: string, { typ }: VerifiedToken): Promise<void> {
    const { introspection } = this.#parts
    if (!introspection || typ === identityTokenType) return
    let active: boolean
    try {
      active = await introspection.isActive(token)
    } catch (cause) {
      throw this.#refuse('introspection_unavailable', cause)
    }
    if (!active) throw this.#refuse('revoked')
  }

  #refuse(reason: GuardRefusalReason, cause?: unknown, scheme?: TokenScheme): GuardRefusal {
    return new GuardRefusal(reason, { realm: this.#realm, cause, scheme })
  }
}
