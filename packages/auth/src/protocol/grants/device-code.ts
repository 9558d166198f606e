import { GatehouseError } from '@gatehouse/core/errors'
import type { GrantType } from '../../domain/clients.ts'
import type { Grant } from '../token.ts'
import { type DecoupledGrantDependencies, issueDecoupled } from './decoupled-request.ts'

/** The grant type of the device flow. Spec: RFC 8628 section 3.4. */
export const deviceCodeGrantType = 'urn:ietf:params:oauth:grant-type:device_code' satisfies GrantType

/** Tokens for a device whose user has agreed. Spec: RFC 8628 sections 3.4 and 3.5. */
export const deviceCodeGrant = (dependencies: DecoupledGrantDependencies): Grant => ({
  type: deviceCodeGrantType,
  forPublicClients: true,
  async issue(request) {
    const { device_code: code } = request.form
    if (code === undefined) {
      throw new GatehouseError('invalid_request', { description: 'The field device_code is missing' })
    }
    return issueDecoupled(dependencies, request, 'device', code)
  },
})
