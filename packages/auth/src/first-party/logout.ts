import type { SessionId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { Clients } from '../domain/clients.ts'
import type { RefreshTokens } from '../domain/refresh-tokens.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endSession } from '../domain/sessions.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'

const bodySchema = Type.Object({
  refresh_token: Type.Optional(Type.String({ description: 'In place of an access token in the Authorization header' })),
  client_id: Type.Optional(
    Type.String({
      description: 'The first-party client that signed in, as at POST /token/refresh; left out: whichever',
    }),
  ),
})

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly verifier: AccessTokenVerifier
  readonly refreshTokens: RefreshTokens
  readonly revocations: Revocations
}

interface FoundSession {
  readonly session: SessionId
  readonly clientId: string
  readonly user: string
}

/** POST /logout: ends the session of the token that is shown, with every grant and token that was issued from it. */
export function logoutEndpoint(dependencies: Dependencies): Endpoint {
  const { store, clock, clients, revocations } = dependencies
  return defineEndpoint({
    method: 'POST',
    path: paths.logout,
    summary: 'Ends the session and everything that was issued from it',
    bodyKind: 'json',
    body: bodySchema,
    bodyOptional: true,
    answers: { 204: null },
    errors: [
      'invalid_request',
      'credentials_required',
      'invalid_token',
      'invalid_grant',
      'forbidden',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    async handle(request) {
      const { body }: EndpointRequest<Type.Static<typeof bodySchema>> = request
      const found = await findSession(dependencies, request)
      if (body.client_id !== undefined && body.client_id !== found.clientId) {
        throw new GatehouseError('invalid_grant', { cause: new Error('the token is one of another client') })
      }
      const client = await clients.find(found.clientId)
      if (!client?.firstParty) {
        throw new GatehouseError('forbidden', {
          description: 'Only tokens of first-party clients end a session; others can be revoked',
        })
      }
      const entries = await store.transaction((tables) =>
        endSession({ tables, clock, revocations }, found.session, {
          actor: found.user,
          address: request.address,
          request_id: request.requestId,
        }),
      )
      await revocations.announce(entries)
      return { status: 204 }
    },
  })
}

async function findSession(
  { verifier, refreshTokens }: Dependencies,
  { headers, body }: EndpointRequest<{ readonly refresh_token?: string }>,
): Promise<FoundSession> {
  if (body.refresh_token !== undefined) {
    const found = await refreshTokens.findGrant(body.refresh_token)
    if (!found) throw new GatehouseError('invalid_grant')
    return { session: found.grant.session_id, clientId: found.grant.client_id, user: found.grant.user_id }
  }
  const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (token === undefined) {
    throw new GatehouseError('credentials_required', { headers: { 'www-authenticate': 'Bearer realm="gatehouse"' } })
  }
  const verified = verifier.verify(token)
  if (isRefusal(verified)) {
    throw new GatehouseError('invalid_token', {
      cause: new Error(verified.refused),
      headers: { 'www-authenticate': 'Bearer realm="gatehouse", error="invalid_token"' },
    })
  }
  const { sid, client_id, sub } = verified.claims
  if (sid === undefined) throw new GatehouseError('forbidden', { description: 'This token belongs to no session' })
  return { session: sid, clientId: client_id, user: sub }
}
