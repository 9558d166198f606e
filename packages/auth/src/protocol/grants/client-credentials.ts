import type { Seconds } from '@gatehouse/core/brand'
import { type AccessTokens, audienceClaim } from '../../domain/access-tokens.ts'
import { type Grant, type GrantRequest, grantScope, type TokenResponse } from '../token.ts'

export interface ClientTokenDependencies {
  readonly accessTokens: AccessTokens
  /** The audience where none is asked for. */
  readonly defaultAudience: () => string
  readonly lifetime: () => Seconds
}

/**
 * A client on its own behalf. Spec: RFC 6749 section 4.4.
 * Writes nothing and gives no refresh token: the client can always ask again. Cost: one signature.
 */
export const clientCredentialsGrant = (dependencies: ClientTokenDependencies): Grant => ({
  type: 'client_credentials',
  forPublicClients: false,
  issue: (request) => issueToClient(dependencies, request),
})

/** An access token whose subject is the client itself, with what was asked for of what it may have. Cost: one signature. */
export function issueToClient(
  { accessTokens, defaultAudience, lifetime }: ClientTokenDependencies,
  { client, scope, audiences, details, confirmation }: GrantRequest,
): TokenResponse {
  const granted = client.scopes === 'all' ? '' : grantScope(scope, client.scopes)
  const expiresIn = lifetime()
  const authorizationDetails = details ? { authorization_details: details } : undefined
  const { token } = accessTokens.issue(
    {
      sub: client.id,
      client_id: client.id,
      aud: audienceClaim(audiences ?? [defaultAudience()]),
      scope: granted,
      ...(confirmation ? { cnf: confirmation } : {}),
      ...authorizationDetails,
    },
    expiresIn,
    client.accessTokenFormat,
  )
  const token_type = confirmation?.jkt === undefined ? 'Bearer' : 'DPoP'
  return { access_token: token, token_type, expires_in: expiresIn, scope: granted, ...authorizationDetails }
}
