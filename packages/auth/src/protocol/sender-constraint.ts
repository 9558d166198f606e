import { GatehouseError } from '@gatehouse/core/errors'
import type { Confirmation } from '../domain/build-token-pair.ts'
import type { Client } from '../domain/clients.ts'
import type { EndpointRequest } from '../http/endpoint.ts'
import type { Dpop } from './dpop.ts'

/** What the tokens of a request are bound to. */
export interface SenderConstraint {
  readonly confirmation: Confirmation | undefined
  /** To be sent with the answer: the next nonce. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Uses the proof up, once however often it is called: see {@link Dpop.use}. Must be called before anything is issued. Absent
   * where there is none.
   */
  readonly useProof?: () => Promise<void>
}

const none: SenderConstraint = { confirmation: undefined }

/**
 * What a request has proven to hold: a DPoP key, the client's certificate where it is registered for bound tokens, or both, and
 * its tokens are bound to all of that. Neither stands for the other where a client must bring it.
 * Spec: RFC 9449 section 5, RFC 8705 section 3. Errors: `invalid_dpop_proof`, `use_dpop_nonce`, and `invalid_request` where a
 * client that must bind its tokens brings nothing to bind them to; `too_many_requests`. Cost: one signature check, or nothing.
 * Threat: somebody with a client's secret and not its certificate, who proves a key of their own in its place.
 */
export function findSenderConstraint(
  { dpop }: { readonly dpop: Pick<Dpop, 'inspect' | 'use'> },
  client: Client,
  request: Pick<EndpointRequest<never>, 'headers' | 'address' | 'certificate'>,
  url: string,
): SenderConstraint {
  const target = { method: 'POST', url }
  const byCertificate = client.certificateBound ? { 'x5t#S256': getThumbprint(request) } : undefined
  const proven = dpop.inspect(request, target)
  if (!proven) {
    if (client.dpopBound) {
      throw new GatehouseError('invalid_dpop_proof', { description: 'Requests of this client need a DPoP proof' })
    }
    return byCertificate ? { confirmation: byCertificate } : none
  }
  let used: Promise<void> | undefined
  return {
    confirmation: { jkt: proven.jkt, ...byCertificate },
    ...(proven.freshNonce === undefined ? {} : { headers: { 'dpop-nonce': proven.freshNonce } }),
    useProof() {
      used ??= dpop.use(proven.proof, target)
      return used
    },
  }
}

function getThumbprint({ certificate }: Pick<EndpointRequest<never>, 'certificate'>): string {
  if (certificate) return certificate.thumbprint
  throw new GatehouseError('invalid_request', { description: 'Requests of this client need its certificate' })
}
