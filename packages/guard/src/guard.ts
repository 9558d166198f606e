import { isRefusal, type RevocationSource, type VerifiedToken } from '@gatehouse/core/contracts'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifier, createAccessTokenVerifier } from './access-token.ts'
import { parseBearer } from './bearer.ts'
import { createDiscovery } from './discovery.ts'
import { type GuardOptions, parseGuardOptions } from './guard-options.ts'
import { createIntrospection, type Introspection } from './introspection.ts'
import { createRemoteKeys, type RemoteKeys } from './jwks.ts'
import { buildPrincipal, type Principal } from './principal.ts'
import { GuardRefusal, type GuardRefusalReason } from './refusal.ts'
import { checkRequirement, parseRequirement, type Requirement } from './requirement.ts'

/** Answers whether a token is good, whose it is and whether it is enough. Every "no" is a {@link GuardRefusal}. */
export interface Guard {
  /** The principal of a good token for this service. */
  verify(token: string): Promise<Principal>
  /** The same, and that it satisfies the requirement. No token at all is `credentials_required`. */
  check(token: string | undefined, require?: Requirement): Promise<Principal>
  /** The same for the one Authorization header of a request; a list with more than one value is refused. */
  authorize(
    request: { readonly authorization: string | readonly string[] | undefined },
    require?: Requirement,
  ): Promise<Principal>
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
  const { issuer, audiences, jwksUri, client, online, fetch, clock, cacheSize, allowHttp } = parseGuardOptions(options)
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
  return new RemoteGuard({ audiences, keys, verifier, introspection })
}

/** What a guard knows of revocations without a feed: nothing, and it does not pretend to wait for any. */
const noFeed: RevocationSource = { current: true, isRevoked: () => false }

interface GuardParts {
  readonly audiences: readonly [string, ...string[]]
  readonly keys: RemoteKeys
  readonly verifier: AccessTokenVerifier
  readonly introspection: Introspection | undefined
}

class RemoteGuard implements Guard {
  readonly #parts: GuardParts
  readonly #realm: string

  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#realm = parts.audiences[0]
  }

  async verify(token: string): Promise<Principal> {
    const verified = await this.#verifyLocally(token)
    await this.#checkOnline(token, verified)
    return buildPrincipal(verified)
  }

  async check(token: string | undefined, require: Requirement = {}): Promise<Principal> {
    const requirement = parseRequirement(require)
    if (token === undefined || token === '') throw this.#refuse('no_credentials')
    const principal = await this.verify(token)
    const shortfall = checkRequirement(requirement, principal)
    if (!shortfall) return principal
    const scope = shortfall === 'insufficient_scope' ? requirement.scopes?.join(' ') : undefined
    throw new GuardRefusal(shortfall, { realm: this.#realm, ...(scope !== undefined && { scope }) })
  }

  async authorize(
    { authorization }: { readonly authorization: string | readonly string[] | undefined },
    require?: Requirement,
  ): Promise<Principal> {
    const credentials = parseBearer(authorization)
    if (credentials === 'malformed') throw this.#refuse('malformed')
    return this.check(credentials === 'absent' ? undefined : credentials.token, require)
  }

  async #verifyLocally(token: string): Promise<VerifiedToken> {
    const { keys, verifier, audiences } = this.#parts
    try {
      await keys.ready()
    } catch (cause) {
      throw this.#refuse('keys_unavailable', cause)
    }
    let outcome = verifier.verify(token, audiences)
    if (isRefusal(outcome) && outcome.refused === 'unknown_key' && (await keys.refetch())) {
      outcome = verifier.verify(token, audiences)
    }
    if (isRefusal(outcome)) throw this.#refuse(outcome.refused)
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

  #refuse(reason: GuardRefusalReason, cause?: unknown): GuardRefusal {
    return new GuardRefusal(reason, { realm: this.#realm, cause })
  }
}
