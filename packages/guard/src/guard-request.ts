import type { Seconds } from '@gatehouse/core/brand'
import type { ProvenPossession } from './possession.ts'
import type { BoundRequest } from './request-binding.ts'

/** As much of a request as a guard looks at. */
export interface GuardRequest {
  /** The Authorization header, or all of them. */
  readonly authorization: string | readonly string[] | undefined
  /** The DPoP header, or all of them; needed where tokens are bound to keys. */
  readonly dpop?: string | readonly string[] | undefined
  /** Needed where tokens are bound to keys, and where identities are bound to requests. */
  readonly method?: string | undefined
  /** The path with its query, as they came over the wire; needed where `method` is. */
  readonly target?: string | undefined
  /** The `x5t#S256` of the certificate that the connection was made with; needed where tokens are bound to certificates. */
  readonly findCertificateThumbprint?: ProvenPossession['findCertificateThumbprint']
}

/** Which request it is; absent where the request does not say. */
export const findBoundRequest = (request: GuardRequest | undefined): BoundRequest | undefined =>
  request?.method === undefined || request.target === undefined
    ? undefined
    : { method: request.method, target: request.target }

/** One DPoP header; more than one is no proof. */
export const findProof = ({ dpop }: GuardRequest): string =>
  typeof dpop === 'string' ? dpop : dpop?.length === 1 ? (dpop[0] ?? '') : ''

/** What a proof must have been made for. */
export const expectationOf = (request: GuardRequest, origin: string, accessToken: string, now: Seconds) => ({
  method: request.method ?? '',
  url: `${origin}${request.target ?? ''}`,
  accessToken,
  now,
})
