import { isRefusal, type Refusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { accessTokenType, identityTokenType, opaqueTokenPrefix } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifier, createAccessTokenVerifier } from './access-token.ts'
import { parseCredentials, type TokenScheme } from './credentials.ts'
import { createDiscovery, type Discovery } from './discovery.ts'
import { checkDpopProof, type DpopProof, isDpopRefusal } from './dpop.ts'
import { UnfitAnswer } from './fetch-json.ts'
import { type GuardOptions, type ParsedGuardOptions, parseGuardOptions } from './guard-options.ts'
import { expectationOf, findBoundRequest, findProof, type GuardRequest } from './guard-request.ts'
import { createIntrospection, type Introspection } from './introspection.ts'
import { createRemoteKeys, type RemoteKeys } from './jwks.ts'
import { isForRequest, isPossessed, type Possession } from './possession.ts'
import { buildPrincipal, type Principal } from './principal.ts'
import { createProofMemory, type ProofMemory } from './proof-memory.ts'
import { GuardRefusal, type GuardRefusalReason } from './refusal.ts'
import { checkRequirement, parseRequirement, type Requirement } from './requirement.ts'
import { type FollowedFeed, followRevocations } from './revocation-feed.ts'

/** Answers whether a token is good, whose it is and whether it is enough. Every "no" is a {@link GuardRefusal}. */
export interface Guard {
  /** The principal of a good token for this service. */
  verify(token: string): Promise<Principal>
  /** The same, and that it satisfies the requirement. No token at all is `credentials_required`. */
  check(token: string | undefined, require?: Requirement): Promise<Principal>
  /**
   * The same for a request with one Authorization header; more than one is refused. Only here can a token be bound: to the
   * key of the request's DPoP proof, where the option `dpop` is set, to the certificate of its connection or, as an identity
   * of the gateway, to the request's method and target.
   */
  authorize(request: GuardRequest, require?: Requirement): Promise<Principal>
  /**
   * Whether revocations are known as they happen. While it is false, each token is asked about or refused, as configured;
   * a service may wait for it before it says that it is ready. Always false where the feed is not followed.
   */
  readonly isCurrent: boolean
  /** Lets go of the feed, so that the process can end. Tokens are then checked as while the feed is lost. */
  close(): void
}

/**
 * Builds the guard of a service. It accepts access tokens (`at+jwt`) and the identity that the gateway signs for the
 * service (`gatehouse-identity+jwt`), addressed to this service's audience. Options that make no sense throw at once.
 *
 * Revocation: with a `client` the guard follows the issuer's revocation feed from now on, until `close`; while the feed is
 * lost it asks the issuer about each token, or refuses, as configured. Without one it cannot: a token of a session that has
 * ended stays good here until it expires. Identities of the gateway cannot be asked about; the gateway looks at the
 * revocations itself for each request, and they live for two minutes at most.
 *
 * Cost: no I/O once the keys are known (they are fetched at the first token), but while the feed is lost.
 */
export function createGuard(options: GuardOptions): Guard {
  const parsed = parseGuardOptions(options)
  const { issuer, jwksUri, fetch, clock, allowHttp } = parsed
  const discovery = createDiscovery({ issuer, fetch, allowHttp })
  const keys = createRemoteKeys({ discovery, fetch, clock, ...(jwksUri !== undefined && { jwksUri }) })
  return assembleGuard(parsed, { keys, ...followAsConfigured(parsed, discovery) })
}

/** A guard over keys and revocations wherever they come from. Not for services: they use {@link createGuard}. */
export function assembleGuard(
  { issuer, audiences, dpopOrigin, onRefusal, clock, cacheSize }: ParsedGuardOptions,
  sources: Pick<GuardParts, 'keys' | 'feed' | 'introspection'>,
): Guard {
  const { keys, feed } = sources
  const verifier = createAccessTokenVerifier({
    issuer,
    types: [accessTokenType, identityTokenType],
    keys,
    // Whether the feed is current is asked afterwards: what is known to be revoked is refused either way.
    revocations: { current: true, isRevoked: (token) => feed?.isRevoked(token) ?? false },
    clock,
    ...(cacheSize !== undefined && { cacheSize }),
  })
  const proofs = dpopOrigin === undefined ? undefined : { origin: dpopOrigin, memory: createProofMemory(clock) }
  return new RemoteGuard({ audiences, verifier, proofs, onRefusal, clock, ...sources })
}

/** How this guard learns of revocations: the feed, introspection, both of them or neither. */
function followAsConfigured(
  { client, revocations, whenFeedIsLost, feedLostAfter, fetch, clock }: ParsedGuardOptions,
  discovery: Discovery,
): Pick<GuardParts, 'feed' | 'introspection'> {
  if (!client || revocations === 'expiry') return { feed: undefined, introspection: undefined }
  const asks = revocations === 'introspect' || whenFeedIsLost === 'introspect'
  const connection = { discovery, client, fetch, clock }
  return {
    feed: revocations === 'feed' ? followRevocations({ ...connection, lostAfter: feedLostAfter }) : undefined,
    introspection: asks ? createIntrospection(connection) : undefined,
  }
}

/** What a guard works with. */
export interface GuardParts {
  readonly audiences: readonly [string, ...string[]]
  readonly keys: RemoteKeys
  readonly verifier: AccessTokenVerifier
  readonly feed: FollowedFeed | undefined
  /** Where there is a feed: what is asked while it is lost. */
  readonly introspection: Introspection | undefined
  /** Absent where DPoP is no way to present a token. */
  readonly proofs: { readonly origin: string; readonly memory: ProofMemory } | undefined
  readonly onRefusal: (refusal: GuardRefusal) => void
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

  verify(token: string): Promise<Principal> {
    const { keys, verifier, audiences } = this.#parts
    // The usual way: nothing has to be waited for.
    const waiting = keys.ready()
    if (waiting === undefined) {
      const outcome = verifier.verify(token, audiences)
      if (!isRefusal(outcome) && this.#knowsRevocations()) return Promise.resolve(buildPrincipal(outcome))
    }
    return this.#verifySlowly(token, waiting)
  }

  get isCurrent(): boolean {
    return this.#parts.feed?.isCurrent ?? false
  }

  close(): void {
    this.#parts.feed?.close()
  }

  async #verifySlowly(token: string, waiting: Promise<void> | undefined): Promise<Principal> {
    const presented: Presented = { token, scheme: 'Bearer', request: undefined }
    const verified = await this.#verifyLocally(presented, undefined, waiting)
    await this.#checkRevocation(token, verified)
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
      scheme === 'DPoP' ? 'not_presented' : { findCertificateThumbprint, request: findBoundRequest(request) },
    )
    const proof = scheme === 'DPoP' ? this.#getProof(presented, verified) : undefined
    await this.#checkRevocation(token, verified)
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
    throw this.#tell(new GuardRefusal(shortfall, { realm: this.#realm, scheme, wanted: { ...scope, ...signIn } }))
  }

  /** The good proof that came with a token that is bound to its key. */
  #getProof({ token, request }: Presented, verified: VerifiedToken): DpopProof {
    const { proofs, clock } = this.#parts
    // Both are there: `authorize` has seen to it. Without them nothing is proven.
    if (!proofs || !request) throw this.#refuse('sender_constraint')
    const outcome = checkDpopProof(findProof(request), expectationOf(request, proofs.origin, token, clock.now()))
    if (isDpopRefusal(outcome)) throw this.#refuse('bad_proof', new Error(outcome.fault), 'DPoP')
    const { findCertificateThumbprint } = request
    const possession = { jkt: outcome.jkt, findCertificateThumbprint, request: findBoundRequest(request) }
    if (!isPossessed(verified.claims.cnf, possession) || !isForRequest(verified.claims.cnf, possession)) {
      throw this.#refuse('sender_constraint', undefined, 'DPoP')
    }
    return outcome
  }

  async #verifyLocally(
    { token, scheme, request }: Presented,
    possession: Possession,
    waiting = this.#parts.keys.ready(),
  ): Promise<VerifiedToken> {
    const { keys, verifier, audiences } = this.#parts
    try {
      await waiting
    } catch (cause) {
      throw this.#refuse('keys_unavailable', cause)
    }
    let outcome = verifier.verify(token, audiences, possession)
    if (isRefusal(outcome) && outcome.refused === 'unknown_key' && (await keys.refetch())) {
      outcome = verifier.verify(token, audiences, possession)
    }
    if (!isRefusal(outcome)) return outcome
    if (outcome.refused === 'malformed' && token.startsWith(opaqueTokenPrefix)) {
      throw this.#refuse('opaque_token', new Error(isOpaque), scheme)
    }
    throw this.#refuse(outcome.refused, this.#explain(outcome, token, request), scheme)
  }

  /** Whether what the verifier has looked up is all that can be known. */
  #knowsRevocations(): boolean {
    const { feed, introspection } = this.#parts
    return feed ? feed.isCurrent : introspection === undefined
  }

  /** What the feed does not answer is asked: never a silent yes. An identity of the gateway is known to no endpoint. */
  async #checkRevocation(token: string, { typ }: VerifiedToken): Promise<void> {
    if (this.#knowsRevocations()) return
    const { feed, introspection } = this.#parts
    if (!introspection) throw this.#refuse('feed_lost', feed?.lastFailure)
    if (typ === identityTokenType) return
    let active: boolean
    try {
      active = await introspection.isActive(token)
    } catch (cause) {
      throw this.#refuse(isOfClient(cause) ? 'client_refused' : 'introspection_unavailable', cause)
    }
    if (!active) throw this.#refuse('not_active', new Error(notActive))
  }

  #refuse(reason: GuardRefusalReason, cause?: unknown, scheme?: TokenScheme): GuardRefusal {
    return this.#tell(new GuardRefusal(reason, { realm: this.#realm, cause, scheme }))
  }

  /** What the log is told where the service can do something about a refusal. */
  #explain({ refused }: Refusal, token: string, request: GuardRequest | undefined): Error | undefined {
    if (refused === 'wrong_request') return explainBinding(request)
    if (refused !== 'wrong_audience') return undefined
    return new Error(`the token is for ${readAudience(token)}, and this service is ${this.#parts.audiences.join(', ')}`)
  }

  #tell(refusal: GuardRefusal): GuardRefusal {
    this.#parts.onRefusal(refusal)
    return refusal
  }
}

/** Whether the issuer did answer, and takes the guard's own client for nobody: by waiting that does not get better. */
const isOfClient = (failure: unknown): boolean =>
  failure instanceof GatehouseError &&
  failure.cause instanceof UnfitAnswer &&
  (failure.cause.status === 401 || failure.cause.status === 403)

/** What there is to say where the issuer says no: it says so too where it may not say yes. */
const notActive =
  'the issuer says that the token is not active: its session has ended, or the client of this guard has no `introspects` for its audience'
const isOpaque =
  'an opaque token, which its issuer alone can read: reach this service through the gateway, or have the client use access_token_format: jwt'

/** What there is to say of an identity that is bound to another request. */
const explainBinding = (request: GuardRequest | undefined): Error =>
  new Error(
    findBoundRequest(request)
      ? 'the identity is bound to another request than this one: compare method, path and query with what the gateway forwards'
      : 'the identity is bound to one request, which was not named: use an adapter, or guard.authorize with method and target',
  )

/** Whom a token says it is for. */
function readAudience(token: string): string {
  try {
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud?: unknown }
    return [aud].flat().join(', ')
  } catch {
    return 'nobody'
  }
}
