import { GatehouseError } from '@gatehouse/core/errors'
import type { GrantType } from '../../domain/clients.ts'
import type { Grant } from '../token.ts'
import { type DecoupledGrantDependencies, issueDecoupled } from './decoupled-request.ts'

/** The grant type of CIBA. Spec: OpenID Connect CIBA Core 1.0 section 4. */
export const cibaGrantType = 'urn:openid:params:grant-type:ciba' satisfies GrantType

/** Tokens for a client that has asked a user elsewhere. Spec: OpenID Connect CIBA Core 1.0 sections 10.1 and 11. */
export const cibaGrant = (dependencies: DecoupledGrantDependencies): Grant => ({
  type: cibaGrantType,
  forPublicClients: false,
  async issue(request) {
    const { auth_req_id: id } = request.form
    if (id === undefined) {
      throw new GatehouseError('invalid_request', { description: 'The field auth_req_id is missing' })
    }
    return issueDecoupled(dependencies, request, 'ciba', id)
  },
})
