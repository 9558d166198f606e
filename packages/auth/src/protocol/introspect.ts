import { isRefusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import type { RefreshTokens } from '../domain/refresh-tokens.ts'
import { type Answer, defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import { clientParameterSchema } from './token.ts'

const formSchema = Type.Object({
  ...clientParameterSchema,
  token: Type.String(),
  token_type_hint: Type.Optional(Type.String({ description: 'Only a hint' })),
})

interface Dependencies {
  readonly clientAuthentication: ClientAuthentication
  readonly verifier: AccessTokenVerifier
  readonly refreshTokens: RefreshTokens
}

const inactive: Answer = { status: 200, text: '{"active":false}' }

/**
 * Introspection. Spec: RFC 7662. The caller sees its own tokens and those whose audience it answers for; whatever else is
 * exactly `{"active":false}`. Cost: for an access token nothing is read; for a refresh token one row.
 */
export function introspectEndpoint({ clientAuthentication, verifier, refreshTokens }: Dependencies): Endpoint {
  const introspect = (client: Client, token: string): Answer | Promise<Answer> => {
    if (client.authMethod === 'none') throw new GatehouseError('invalid_client')
    if (token.startsWith('ghr_')) return introspectRefreshToken(client, token)
    const verified = verifier.verify(token, undefined, 'not_presented')
    if (isRefusal(verified) || !mayAsk(client, verified)) return inactive
    return { status: 200, text: activeText(verified) }
  }
  const introspectRefreshToken = async (client: Client, token: string): Promise<Answer> => {
    const found = await refreshTokens.findGrant(token)
    if (!found?.usable || found.grant.client_id !== client.id) return inactive
    const { grant } = found
    return {
      status: 200,
      json: {
        active: true,
        client_id: grant.client_id,
        sub: grant.user_id,
        scope: grant.scope,
        aud: grant.audience,
        iat: grant.created_at,
        exp: Math.min(grant.expires_at, grant.idle_expires_at),
      },
    }
  }
  return defineEndpoint({
    method: 'POST',
    path: paths.introspect,
    summary: 'Tells a client what a token of its own, or for it, is worth now',
    spec: 'RFC 7662',
    bodyKind: 'form',
    body: formSchema,
    answers: { 200: Type.Object({ active: Type.Boolean() }) },
    errors: ['invalid_request', 'invalid_client', 'temporarily_unavailable'],
    refuseQuery: true,
    handle({ headers, body, certificate }) {
      const client = clientAuthentication.authenticate(headers, body, certificate)
      return client instanceof Promise
        ? client.then((found) => introspect(found, body.token))
        : introspect(client, body.token)
    },
  })
}

const mayAsk = (client: Client, { claims, audiences }: VerifiedToken): boolean =>
  claims.client_id === client.id || audiences.some((audience) => client.answersFor.has(audience))

/** The answer for an active token: what the token says, made into text once. */
const activeText = ({ memo, claims }: VerifiedToken): string => {
  const token_type = claims.cnf?.jkt === undefined ? 'Bearer' : 'DPoP'
  memo.introspection ??= JSON.stringify({ active: true, token_type, ...claims })
  return memo.introspection
}
