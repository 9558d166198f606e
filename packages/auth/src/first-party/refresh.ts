import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import * as Type from 'typebox'
import type { Client, Clients } from '../domain/clients.ts'
import type { TokenPairs } from '../domain/token-pairs.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { parseAskedScope, tokenResponseSchema } from '../protocol/token.ts'
import { checkIssuable, isFirstParty } from './first-party-client.ts'

const bodySchema = Type.Object({
  refresh_token: Type.String(),
  scope: Type.Optional(Type.String({ description: 'Narrows this one access token' })),
  client_id: Type.Optional(
    Type.String({ description: 'The first-party client that signed in; left out: the built-in one' }),
  ),
})

interface Dependencies {
  readonly clients: Clients
  readonly tokenPairs: TokenPairs
  readonly onIssued: (grantType: string) => void
}

/**
 * POST /token/refresh: the next pair for a public first-party client. Refresh tokens of other clients are `invalid_grant`
 * here and belong at the token endpoint; their grants stay as they are.
 */
export function refreshEndpoint({ clients, tokenPairs, onIssued }: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.refresh,
    summary: 'Answers with a new token pair for a refresh token',
    spec: 'RFC 6749 section 6',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 200: tokenResponseSchema },
    errors: ['invalid_request', 'invalid_grant', 'unauthorized_client', 'invalid_scope', 'temporarily_unavailable'],
    cors: 'first-party',
    async handle({ body, address, requestId }) {
      const found = clients.find(body.client_id ?? firstPartyClientId)
      const client: Client | undefined = found instanceof Promise ? await found : found
      if (!isFirstParty(client)) {
        throw new GatehouseError('invalid_grant', { cause: new Error('not a public first-party client') })
      }
      checkIssuable(client)
      if (!client.grantTypes.has('refresh_token')) {
        throw new GatehouseError('unauthorized_client', { needed: 'refresh_token among the client’s grant_types' })
      }
      const { pair } = await tokenPairs.refresh({
        token: body.refresh_token,
        client,
        scope: parseAskedScope(body.scope),
        by: { address, request_id: requestId },
      })
      onIssued('refresh_token')
      return { status: 200, json: pair }
    },
  })
}
