import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { parseScope } from '@gatehouse/core/scope'
import type { Clock } from '@gatehouse/core/time'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { Federation } from '../federation/federation.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { noteProviderFailure } from '../login/note-provider-failure.ts'
import { getProvider } from '../login/send-to-provider.ts'
import type { Dpop } from './dpop.ts'
import { findPresentedToken, insufficientScope, invalidToken } from './presented-token.ts'

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly federation: Federation
  readonly verifier: AccessTokenVerifier
  readonly dpop: Dpop
}

/**
 * Hands the token that a provider gave for a user to whoever has an access token of that user's with the scope for it, refreshed
 * where it must be. Cost: two or three reads, and at times a request to the provider.
 */
export const providerTokenEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.federationToken,
    summary: 'The token that an outside provider gave for the user of the access token',
    bodyKind: 'none',
    answers: {
      200: Type.Object({
        access_token: Type.String(),
        token_type: Type.String(),
        expires_in: Type.Optional(Type.Integer()),
        scope: Type.Optional(Type.String()),
      }),
    },
    errors: [
      'credentials_required',
      'invalid_token',
      'insufficient_scope',
      'not_found',
      'invalid_dpop_proof',
      'use_dpop_nonce',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    handle: (request) => hand(dependencies, request),
  })

async function hand(dependencies: Dependencies, request: EndpointRequest<undefined>): Promise<Answer> {
  const { issuer, store, clock, federation } = dependencies
  const settings = getProvider(dependencies, request.named)
  const { name: provider, tokenScope } = settings
  const url = issuer + paths.federationToken.replace('{provider}', provider)
  const { token, scheme, headers } = await findPresentedToken(dependencies, request, { method: 'GET', url })
  const { sub, scope, client_id } = token.claims
  // What is not kept for anybody is nobody's: as for a provider that there is not.
  if (tokenScope === undefined) throw new GatehouseError('not_found')
  if (!parseScope(String(scope ?? ''))?.has(tokenScope)) throw insufficientScope(tokenScope, scheme)
  const user = await store.users.findById(sub as UserId) // only looked up
  if (user?.status !== 'active') throw invalidToken('the user may not sign in', scheme)
  const links = await store.linkedIdentities.listByUser(user.id)
  const link = links.findLast((one) => one.provider === provider)
  const by = { actor: String(client_id ?? ''), address: request.address, request_id: request.requestId }
  const tokens =
    link &&
    (await federation.standing.freshTokens(settings, link.subject).catch(async (error: unknown) => {
      const failure = await noteProviderFailure(dependencies, provider, by, error)
      throw new GatehouseError('temporarily_unavailable', { cause: failure })
    }))
  if (!tokens) {
    throw new GatehouseError('not_found', { description: 'No token of this provider is kept: sign in there again' })
  }
  await recordEvent(store, clock, {
    ...{ type: 'provider_tokens_read', result: 'ok', target: user.id, detail: { provider } },
    ...by,
    fold: `${provider}|${user.id}|${by.actor}`,
  })
  const { accessToken, expiresAt } = tokens
  return {
    status: 200,
    json: {
      ...{ access_token: accessToken, token_type: 'Bearer' },
      ...(expiresAt === undefined ? {} : { expires_in: Math.max(0, expiresAt - clock.now()) }),
      ...(tokens.scope === undefined ? {} : { scope: tokens.scope }),
    },
    ...(headers ? { headers } : {}),
  }
}
