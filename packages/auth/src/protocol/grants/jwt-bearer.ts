import { GatehouseError } from '@gatehouse/core/errors'
import type { GrantType } from '../../domain/clients.ts'
import { isAssertionRefusal, type ProvenWorkload, type TrustedIssuers } from '../../domain/trusted-issuers.ts'
import type { Grant, TokenParameters } from '../token.ts'
import { type ClientTokenDependencies, issueToClient } from './client-credentials.ts'

/** The grant type of assertions. Spec: RFC 7523 section 2.1. */
export const jwtBearerGrantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer' satisfies GrantType

interface Dependencies extends ClientTokenDependencies {
  readonly trustedIssuers: TrustedIssuers
}

/**
 * Tokens for a workload that shows what its own platform says of it, and has no secret here. Spec: RFC 7523 sections 2.1
 * and 3.1. The assertion is the proof of the client too, wherever the request brings no other: the client is the one that
 * the configuration names for the assertion's subject, and what it gets is what client_credentials would give it.
 * The assertion is checked again when the tokens are made, and used up only then. Cost: three signatures, one insert.
 */
export function jwtBearerGrant(dependencies: Dependencies): Grant {
  const getWorkload = async ({ assertion }: TokenParameters, clientId: string | undefined): Promise<ProvenWorkload> => {
    if (assertion === undefined) {
      throw new GatehouseError('invalid_request', { description: 'The field assertion is missing' })
    }
    const found = await dependencies.trustedIssuers.verify(assertion, clientId)
    if (isAssertionRefusal(found)) {
      const { refused: cause, told: description } = found
      throw new GatehouseError('invalid_grant', { cause, ...(description !== undefined && { description }) })
    }
    return found
  }
  return {
    type: jwtBearerGrantType,
    forPublicClients: true,
    async proveClient(form) {
      const { client } = await getWorkload(form, form.client_id)
      // The profile names the proofs that it takes, and this is none of them.
      if (client.profile === 'fapi2') throw new GatehouseError('invalid_client')
      return client
    },
    async issue(request) {
      const workload = await getWorkload(request.form, request.client.id)
      // Made first, so that a request for what the client may not have uses nothing up.
      const issued = issueToClient(dependencies, request)
      await request.useProof?.()
      if (!(await workload.use())) {
        throw new GatehouseError('invalid_grant', { cause: new Error('the assertion was used before') })
      }
      return issued
    },
  }
}
