import { isRefusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { type ErrorDetails, GatehouseError } from '@gatehouse/core/errors'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import { buildChallenge, type ChallengeParameters } from '@gatehouse/guard/challenge'
import { dpopAlgorithms } from '@gatehouse/guard/dpop'
import { isPossessed } from '@gatehouse/guard/possession'
import type { EndpointRequest } from '../http/endpoint.ts'
import type { Dpop, ProofTarget } from './dpop.ts'

/** The access token of a request, found good for whoever sends it. */
export interface PresentedToken {
  readonly token: VerifiedToken
  /** How it was presented: what a refusal challenges for. */
  readonly scheme: Scheme
  /** To be sent with the answer: the nonce for the next proof. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What an endpoint of ours that is a protected resource says of itself. */
export interface PresentedTokenTarget extends Omit<ProofTarget, 'accessToken'> {
  /** The audiences of which a token must have one; absent = any. */
  readonly audiences?: readonly string[] | undefined
}

interface Dependencies {
  readonly verifier: AccessTokenVerifier
  readonly dpop: Pick<Dpop, 'inspect' | 'use'>
}

const presented = /^(bearer|dpop) +([A-Za-z0-9\-._~+/]+=*) *$/i

/**
 * The access token in the Authorization header of a request to an endpoint that is a protected resource, as userinfo is:
 * Bearer for one that is bound to nothing or to the request's certificate, DPoP with its proof for one that is bound to a key.
 * Spec: RFC 6750 section 2.1, RFC 9449 section 7, RFC 8705 section 3.
 * Errors, all 401 with a challenge: `credentials_required`, `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`; and
 * `too_many_requests`.
 * Cost: as the verifier's; with a proof one signature check more and one insert, and that only for a good token.
 */
export async function findPresentedToken(
  { verifier, dpop }: Dependencies,
  request: Pick<EndpointRequest<never>, 'headers' | 'address' | 'certificate'>,
  { audiences, ...target }: PresentedTokenTarget,
): Promise<PresentedToken> {
  const [, scheme = '', accessToken = ''] = presented.exec(request.headers.authorization ?? '') ?? []
  if (accessToken === '') throw new GatehouseError('credentials_required', challengeWith('Bearer', {}))
  const isDpop = scheme.toLowerCase() === 'dpop'
  const presentedBy = isDpop ? 'DPoP' : 'Bearer'
  const withToken = { ...target, accessToken }
  const findCertificateThumbprint = (): string | undefined => request.certificate?.thumbprint
  // The token comes first, so that a proof for a worthless one costs no signature check.
  const outcome = verifier.verify(accessToken, audiences, isDpop ? 'not_presented' : { findCertificateThumbprint })
  if (isRefusal(outcome)) throw invalidToken(outcome.refused, presentedBy)
  const inspected = isDpop ? dpop.inspect(request, withToken) : undefined
  if (isDpop && !inspected) throw invalidToken('the scheme is DPoP and there is no proof', 'DPoP')
  if (isDpop && !isPossessed(outcome.claims.cnf, { jkt: inspected?.jkt, findCertificateThumbprint })) {
    throw invalidToken('sender_constraint', 'DPoP')
  }
  if (inspected) await dpop.use(inspected.proof, withToken)
  if (inspected?.freshNonce === undefined) return { token: outcome, scheme: presentedBy }
  return { token: outcome, scheme: presentedBy, headers: { 'dpop-nonce': inspected.freshNonce } }
}

type Scheme = NonNullable<ChallengeParameters['scheme']>

/** The refusal of a token, with the challenge that goes with it; `why` is for the log. */
export const invalidToken = (why: string, scheme: Scheme): GatehouseError =>
  new GatehouseError('invalid_token', {
    cause: new Error(why),
    ...challengeWith(scheme, { error: 'invalid_token' }),
  })

/** The refusal of a token that lacks a scope, with the challenge that names it (RFC 6750 section 3.1). */
export const insufficientScope = (
  scope: string,
  scheme: Scheme,
  details: Pick<ErrorDetails, 'cause' | 'needed'> = {},
): GatehouseError =>
  new GatehouseError('insufficient_scope', {
    ...details,
    ...challengeWith(scheme, { error: 'insufficient_scope', scope }),
  })

const challengeWith = (scheme: Scheme, parameters: ChallengeParameters) => {
  const algs = scheme === 'DPoP' ? { algs: dpopAlgorithms } : {}
  return { headers: { 'www-authenticate': buildChallenge('gatehouse', { scheme, ...parameters, ...algs }) } }
}
