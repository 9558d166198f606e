import { GatehouseError } from '@gatehouse/core/errors'
import type { TokenPairs } from '../../domain/token-pairs.ts'
import type { Grant } from '../token.ts'

/**
 * A new pair for a refresh token. Spec: RFC 6749 section 6, RFC 9700 section 4.14.2.
 * The scope may be narrowed for this one access token; the grant keeps its own.
 */
export function refreshTokenGrant({ tokenPairs }: { readonly tokenPairs: TokenPairs }): Grant {
  return {
    type: 'refresh_token',
    forPublicClients: true,
    issue({ client, form, scope, audience, address, requestId }) {
      if (form.refresh_token === undefined) {
        throw new GatehouseError('invalid_request', { description: 'The field refresh_token is missing' })
      }
      return tokenPairs.refresh({
        token: form.refresh_token,
        client,
        scope,
        audience,
        by: { address, request_id: requestId },
      })
    },
  }
}
