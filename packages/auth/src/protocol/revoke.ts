import { isRefusal } from '@gatehouse/core/contracts'
import { paths } from '@gatehouse/core/paths'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { Client } from '../domain/clients.ts'
import type { RefreshTokens } from '../domain/refresh-tokens.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endGrant } from '../domain/sessions.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import { clientParameterSchema } from './token.ts'

const formSchema = Type.Object({
  ...clientParameterSchema,
  token: Type.String(),
  token_type_hint: Type.Optional(Type.String({ description: 'Only a hint' })),
})

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clientAuthentication: ClientAuthentication
  readonly verifier: AccessTokenVerifier
  readonly refreshTokens: RefreshTokens
  readonly revocations: Revocations
}

const done: Answer = { status: 200 }

/**
 * Revocation. Spec: RFC 7009. A refresh token ends its grant and all that was issued from it; an access token ends itself.
 * An unknown token, and one of another client, is answered 200 and left as it is (section 2.2).
 */
export function revokeEndpoint(dependencies: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.revoke,
    summary: 'Revokes a token of the calling client',
    spec: 'RFC 7009',
    bodyKind: 'form',
    body: formSchema,
    answers: { 200: null },
    errors: ['invalid_request', 'invalid_client', 'too_many_requests', 'temporarily_unavailable'],
    cors: 'any',
    refuseQuery: true,
    async handle(request) {
      const client = await dependencies.clientAuthentication.authenticate(request, request.body)
      return request.body.token.startsWith('ghr_')
        ? revokeGrant(dependencies, client, request)
        : revokeAccessToken(dependencies, client, request)
    },
  })
}

type Request = EndpointRequest<{ readonly token: string }>

async function revokeGrant(
  { store, clock, refreshTokens, revocations }: Dependencies,
  client: Client,
  { body, address, requestId }: Request,
): Promise<Answer> {
  const found = await refreshTokens.findGrant(body.token)
  if (!found || found.grant.client_id !== client.id) return done
  const entries = await store.transaction((tables) =>
    endGrant({ tables, clock, revocations }, found.grant.id, {
      type: 'grant_ended',
      result: 'ok',
      actor: client.id,
      address,
      request_id: requestId,
    }),
  )
  await revocations.announce(entries)
  return done
}

async function revokeAccessToken(
  { store, clock, verifier, revocations }: Dependencies,
  client: Client,
  { body, address, requestId }: Request,
): Promise<Answer> {
  const verified = verifier.verify(body.token, undefined, 'not_presented')
  if (isRefusal(verified) || verified.claims.client_id !== client.id) return done
  const { jti, exp, sub, sid } = verified.claims
  const entries = await store.transaction(async (tables) => {
    await recordEvent(tables, clock, {
      type: 'token_revoked',
      result: 'ok',
      actor: client.id,
      target: sub,
      client_id: client.id,
      session_id: sid ?? null,
      address,
      request_id: requestId,
    })
    return revocations.write(tables, [
      { kind: 'jti', value: jti, issued_before: null, expires_at: seconds(exp + clockTolerance) },
    ])
  })
  await revocations.announce(entries)
  return done
}
