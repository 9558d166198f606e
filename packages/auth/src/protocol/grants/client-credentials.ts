import type { Seconds } from '@gatehouse/core/brand'
import { type AccessTokens, audienceClaim } from '../../domain/access-tokens.ts'
import { type Grant, grantScope } from '../token.ts'

interface Dependencies {
  readonly accessTokens: AccessTokens
  /** The audience where none is asked for. */
  readonly defaultAudience: () => string
  readonly lifetime: () => Seconds
}

/**
 * A client on its own behalf. Spec: RFC 6749 section 4.4.
 * Writes nothing and gives no refresh token: the client can always ask again. Cost: one signature.
 */
export function clientCredentialsGrant({ accessTokens, defaultAudience, lifetime }: Dependencies): Grant {
  return {
    type: 'client_credentials',
    forPublicClients: false,
    issue({ client, scope, audiences, confirmation }) {
      const granted = client.scopes === 'all' ? '' : grantScope(scope, client.scopes)
      const expiresIn = lifetime()
      const { token } = accessTokens.issue(
        {
          sub: client.id,
          client_id: client.id,
          aud: audienceClaim(audiences ?? [defaultAudience()]),
          scope: granted,
          ...(confirmation ? { cnf: confirmation } : {}),
        },
        expiresIn,
        client.accessTokenFormat,
      )
      const token_type = confirmation?.jkt === undefined ? 'Bearer' : 'DPoP'
      return { access_token: token, token_type, expires_in: expiresIn, scope: granted }
    },
  }
}
