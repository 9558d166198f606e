import type { Seconds } from '@gatehouse/core/brand'
import { type AccessTokenClaims, type ActorClaim, isRefusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import type { ScopeSet } from '@gatehouse/core/scope'
import type { Clock } from '@gatehouse/core/time'
import { identityTokenType } from '@gatehouse/core/wire-names'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import { isPossessed } from '@gatehouse/guard/possession'
import type { Client } from '../../domain/clients.ts'
import { isAssertionRefusal, type TrustedIssuers } from '../../domain/trusted-issuers.ts'
import type { GrantRequest } from '../token.ts'

/** The names of token types in an exchange. Spec: RFC 8693 section 3. */
export const accessTokenTypeUri = 'urn:ietf:params:oauth:token-type:access_token'
const jwtTypeUri = 'urn:ietf:params:oauth:token-type:jwt'

/** What of a subject token stands in what is issued for it, whoever acts. */
const carriedClaims = ['sub', 'sid', 'gid', 'auth_time', 'acr', 'amr', 'roles', 'org', 'act', 'may_act'] as const
type CarriedClaims = Pick<AccessTokenClaims, (typeof carriedClaims)[number] | 'origins' | 'authorization_details'>

/** A subject token that was found good for this client. */
export interface ExchangeSubject {
  readonly claims: CarriedClaims
  readonly scopes: ScopeSet
  readonly expiresAt: Seconds
  /** Uses it up, where it counts once. Error: `invalid_request`. */
  use(): Promise<void>
}

export interface SubjectDependencies {
  readonly clock: Clock
  readonly verifier: AccessTokenVerifier
  /** Knows the identities that the gateway sends to services, and nothing else. */
  readonly identityVerifier: AccessTokenVerifier
  readonly trustedIssuers: TrustedIssuers
  /** The audience that every service accepts. */
  readonly defaultAudience: () => string
}

/**
 * The subject token of a request: an access token of ours, for the client of a service also the identity that the gateway
 * sent to it or, as `jwt`, an assertion of a trusted issuer, which then stands for the client that its subject acts as. Spec: RFC 8693 sections 2.1 and 2.2.2.
 * Errors: `invalid_request` for a token that is worth nothing, also one that is bound to another key than the request's;
 * `access_denied` for one that was neither issued to this client nor for anything that it answers for.
 */
export async function getSubject(
  dependencies: SubjectDependencies,
  { client, form, confirmation }: GrantRequest,
): Promise<ExchangeSubject> {
  const { subject_token: token, subject_token_type: type } = form
  if (token === undefined || type === undefined) throw refused('The subject_token or its type is missing')
  if (type === jwtTypeUri) return getWorkload(dependencies, token)
  if (type !== accessTokenTypeUri) throw refused('The subject_token_type is not one that can be exchanged')
  const verified = findReceivedIdentity(dependencies, token, client) ?? getOwnToken(dependencies, token, confirmation)
  if (!mayExchange(dependencies, client, verified)) {
    throw new GatehouseError('access_denied', {
      cause: new Error('the subject token is not this client’s to exchange'),
    })
  }
  const { claims, scopes } = verified
  const carried = Object.fromEntries(
    [...carriedClaims, 'authorization_details' as const].flatMap((name) =>
      claims[name] === undefined ? [] : [[name, claims[name]]],
    ),
  ) as unknown as CarriedClaims // each under its own name
  return {
    claims: { ...carried, origins: originsOf(verified) },
    scopes,
    expiresAt: claims.exp,
    use: async () => {},
  }
}

/** Ended with each of them: an identity is made from access tokens, and known to no endpoint itself. */
const originsOf = ({ typ, claims }: VerifiedToken): readonly string[] => [
  ...(claims.origins ?? []),
  ...(typ === identityTokenType ? [] : [claims.jti]),
]

/**
 * The identity that the gateway has sent to this client's own service; absent for any other token and any other client, to
 * whom it is worth nothing. One that is bound to a request was good for it when the service got it.
 */
function findReceivedIdentity(
  { identityVerifier }: SubjectDependencies,
  token: string,
  { identityAudience }: Client,
): VerifiedToken | undefined {
  if (identityAudience === undefined) return undefined
  const verified = identityVerifier.verify(token, [identityAudience], 'not_presented')
  return isRefusal(verified) ? undefined : verified
}

/**
 * Who a request says is acting, by the `actor_token` that it brings: an access token of this client's own, for itself or for
 * a user who has signed in to it. `undefined` where there is none. Spec: RFC 8693 section 2.1. Error: `invalid_request`.
 */
export function findActor(
  dependencies: SubjectDependencies,
  { client, form, confirmation }: GrantRequest,
): ActorClaim | undefined {
  const { actor_token: token, actor_token_type: type } = form
  if (token === undefined && type === undefined) return undefined
  if (token === undefined || type !== accessTokenTypeUri) throw refused('The actor_token must be an access token')
  const { claims } = getOwnToken(dependencies, token, confirmation)
  if (claims.client_id !== client.id || claims.act) throw refused('The actor_token is not one of this client')
  return { sub: claims.sub, client_id: claims.client_id }
}

/** A bound token is good for whoever holds its key, here as everywhere. */
function getOwnToken(
  { verifier }: SubjectDependencies,
  token: string,
  confirmation: GrantRequest['confirmation'],
): VerifiedToken {
  const verified = verifier.verify(token, undefined, 'not_presented')
  if (isRefusal(verified)) throw worthless(verified.refused)
  const { cnf } = verified.claims
  const proven = {
    jkt: confirmation?.jkt,
    findCertificateThumbprint: () => confirmation?.['x5t#S256'],
  }
  // The request's own key may be another one where the token has none: it is what the new token is bound to.
  if (cnf && !isPossessed(cnf, proven)) throw worthless('sender_constraint')
  return verified
}

/** The top-level audience is every service's: a token for it reaches nobody new by being exchanged. */
const mayExchange = (
  { defaultAudience }: SubjectDependencies,
  client: Client,
  { claims, audiences }: VerifiedToken,
): boolean =>
  claims.client_id === client.id ||
  audiences.some((audience) => audience === defaultAudience() || client.answersFor.has(audience))

async function getWorkload({ trustedIssuers }: SubjectDependencies, assertion: string): Promise<ExchangeSubject> {
  const workload = await trustedIssuers.verify(assertion, undefined)
  if (isAssertionRefusal(workload)) throw worthless(workload.refused, workload.told)
  const { client, expiresAt } = workload
  return {
    claims: { sub: client.id },
    scopes: client.scopes === 'all' ? new Set() : client.scopes,
    expiresAt,
    async use() {
      if (!(await workload.use())) throw worthless('the assertion was used before')
    },
  }
}

/** The one refusal of a token, as the RFC has it. Spec: RFC 8693 section 2.2.2. */
const worthless = (why: unknown, description = 'The token to exchange is not valid'): GatehouseError =>
  new GatehouseError('invalid_request', { description, cause: why })

const refused = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })
