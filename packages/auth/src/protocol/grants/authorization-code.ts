import { GatehouseError } from '@gatehouse/core/errors'
import type { AuthorizationCodeRow } from '@gatehouse/store/rows'
import type { AuditEvent } from '../../domain/audit.ts'
import type { AuthorizationCodes } from '../../domain/authorization-codes.ts'
import { narrowDetails, readGrantedDetails } from '../../domain/granted-details.ts'
import { accessOfCode, type GrantedAccess, type TokenPairs } from '../../domain/token-pairs.ts'
import { type IdTokenDependencies, idTokenFor, prepareIdToken } from '../id-token-answer.ts'
import { type Grant, type GrantRequest, narrowAudiences } from '../token.ts'

interface Dependencies extends IdTokenDependencies {
  readonly codes: AuthorizationCodes
  readonly tokenPairs: TokenPairs
}

/**
 * Tokens for an authorization code. Spec: RFC 6749 section 4.1.3, RFC 7636 section 4.6, OpenID Connect Core section 3.1.3.
 * Of any number of requests with one code one gets tokens, and every other ends them. Cost: two statements, each of which
 * commits together with those of other requests, and one or two signatures.
 */
export function authorizationCodeGrant(dependencies: Dependencies): Grant {
  return {
    type: 'authorization_code',
    forPublicClients: true,
    async issue(request) {
      const { client, form } = request
      if (form.code === undefined) throw missing('code')
      const { row, access, by } = await useUp(dependencies, request, form.code)
      return dependencies.tokenPairs.startGrantByCode(access, row.hash, by, async (grant) => {
        const pair = dependencies.tokenPairs.buildFirstPair(access, grant)
        const parts = { nonce: row.nonce ?? undefined, accessToken: pair.access_token }
        const id_token = await idTokenFor(dependencies, client, grant, parts)
        return id_token === undefined ? pair : { ...pair, id_token }
      })
    },
  }
}

const missing = (field: string): GatehouseError =>
  new GatehouseError('invalid_request', { description: `The field ${field} is missing` })

/** The access that a code stands for, which nobody else gets by it now. */
async function useUp(
  { codes, idTokens }: Dependencies,
  { client, form, audiences, details, confirmation, useProof, address, requestId }: GrantRequest,
  code: string,
): Promise<{
  readonly row: AuthorizationCodeRow
  readonly access: GrantedAccess
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}> {
  const by = { address, request_id: requestId }
  const row = await codes.consume({
    code,
    client,
    redirectUri: form.redirect_uri,
    verifier: form.code_verifier,
    jkt: confirmation?.jkt,
    useProof,
    prepare: client.idToken.encryption && ((scope) => prepareIdToken({ idTokens }, client, scope)),
    by,
  })
  const granted = row.audience.split(' ')
  // Refused after the code has gone, as for every other mismatch.
  const tokenAudiences = narrowAudiences(audiences, granted)
  if (!tokenAudiences) throw new GatehouseError('invalid_target')
  const tokenDetails = narrowDetails(details, readGrantedDetails(row.authorization_details))
  if (!tokenDetails) throw new GatehouseError('invalid_authorization_details')
  return { row, by, access: { ...accessOfCode(row, client), tokenAudiences, confirmation, tokenDetails } }
}
