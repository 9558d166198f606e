import { GatehouseError } from '@gatehouse/core/errors'
import type { TokenPairs } from '../../domain/token-pairs.ts'
import { type IdTokenDependencies, idTokenFor, prepareIdToken } from '../id-token-answer.ts'
import type { Grant } from '../token.ts'

/**
 * A new pair for a refresh token. Spec: RFC 6749 section 6, RFC 9700 section 4.14.2, OpenID Connect Core section 12.
 * Scope, audiences and authorization_details may be narrowed for this one access token; the grant keeps its own.
 */
export function refreshTokenGrant(dependencies: IdTokenDependencies & { readonly tokenPairs: TokenPairs }): Grant {
  return {
    type: 'refresh_token',
    forPublicClients: true,
    async issue({ client, form, scope, audiences, details, confirmation, useProof, address, requestId }) {
      if (form.refresh_token === undefined) {
        throw new GatehouseError('invalid_request', { description: 'The field refresh_token is missing' })
      }
      const { pair, grant } = await dependencies.tokenPairs.refresh({
        token: form.refresh_token,
        client,
        scope,
        audiences,
        details,
        confirmation,
        useProof,
        prepare: client.idToken.encryption && ((granted) => prepareIdToken(dependencies, client, granted)),
        by: { address, request_id: requestId },
      })
      const signedIn = { ...grant, scope: pair.scope }
      const id_token = await idTokenFor(dependencies, client, signedIn, { accessToken: pair.access_token })
      return id_token === undefined ? pair : { ...pair, id_token }
    },
  }
}
