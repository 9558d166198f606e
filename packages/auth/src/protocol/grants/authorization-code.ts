import { GatehouseError } from '@gatehouse/core/errors'
import type { Store } from '@gatehouse/store/store'
import type { AuthorizationCodes } from '../../domain/authorization-codes.ts'
import { narrowDetails, readGrantedDetails } from '../../domain/granted-details.ts'
import type { IssuedTokens, TokenPairs } from '../../domain/token-pairs.ts'
import { type IdTokenDependencies, idTokenFor } from '../id-token-answer.ts'
import { type Grant, type GrantRequest, narrowAudiences } from '../token.ts'

interface Dependencies extends IdTokenDependencies {
  readonly store: Store
  readonly codes: AuthorizationCodes
  readonly tokenPairs: TokenPairs
}

/**
 * Tokens for an authorization code. Spec: RFC 6749 section 4.1.3, RFC 7636 section 4.6, OpenID Connect Core section 3.1.3.
 * Using the code up and starting the grant are one transaction: of any number of requests with one code one gets tokens, and
 * every other ends them. Cost: one transaction, one or two signatures.
 */
export function authorizationCodeGrant(dependencies: Dependencies): Grant {
  return {
    type: 'authorization_code',
    forPublicClients: true,
    async issue(request) {
      const { client, form } = request
      if (form.code === undefined) throw missing('code')
      const nonce: { value: string | null } = { value: null }
      const issued = await exchange(dependencies, request, form.code, nonce)
      const id_token = await idTokenFor(dependencies, client, issued.grant, {
        nonce: nonce.value ?? undefined,
        accessToken: issued.pair.access_token,
      })
      return { ...issued.pair, ...(id_token === undefined ? {} : { id_token }) }
    },
  }
}

const missing = (field: string): GatehouseError =>
  new GatehouseError('invalid_request', { description: `The field ${field} is missing` })

async function exchange(
  { store, codes, tokenPairs }: Dependencies,
  { client, form, audiences, details, confirmation, address, requestId }: GrantRequest,
  code: string,
  nonce: { value: string | null },
): Promise<IssuedTokens> {
  const presented = {
    code,
    client,
    redirectUri: form.redirect_uri,
    verifier: form.code_verifier,
    jkt: confirmation?.jkt,
    by: { address, request_id: requestId },
  }
  const outcome = await store.transaction(async (tables) => {
    const consumed = await codes.consume(tables, presented)
    if (consumed.outcome !== 'good') return consumed
    const { row } = consumed
    nonce.value = row.nonce
    const granted = row.audience.split(' ')
    // Refused after the code has gone, as for every other mismatch.
    const asked = narrowAudiences(audiences, granted)
    if (!asked) return { outcome: 'refused' as const, error: new GatehouseError('invalid_target') }
    const tokenDetails = narrowDetails(details, readGrantedDetails(row.authorization_details))
    if (!tokenDetails) {
      return { outcome: 'refused' as const, error: new GatehouseError('invalid_authorization_details') }
    }
    const session = await tables.sessions.findById(row.session_id)
    if (!session) return { outcome: 'refused' as const, error: new GatehouseError('invalid_grant') }
    const issued = await tokenPairs.startGrant(tables, {
      id: row.grant_id,
      client,
      userId: row.user_id,
      session,
      authTime: row.auth_time,
      acr: row.acr,
      amr: row.amr,
      roles: row.roles,
      scope: row.scope,
      audiences: granted,
      tokenAudiences: asked,
      refreshable: row.refreshable === 1,
      confirmation,
      claims: row.claims,
      authorizationDetails: row.authorization_details,
      tokenDetails,
    })
    return { outcome: 'issued' as const, issued }
  })
  if (outcome.outcome === 'issued') return outcome.issued
  if (outcome.outcome === 'refused') throw outcome.error
  await codes.endReused(presented)
  throw new GatehouseError('invalid_grant', { cause: new Error('the code is unknown, or has been used') })
}
