import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import * as Type from 'typebox'
import type { Client, Clients } from '../domain/clients.ts'
import type { TokenPair, TokenPairs } from '../domain/token-pairs.ts'
import { scopeForUser } from '../domain/users.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { type PasswordDependencies, proveByPassword } from '../login/password.ts'
import { checkAskedAudiences, grantScope, parseAskedScope, tokenResponseSchema } from '../protocol/token.ts'

const bodySchema = Type.Object({
  username: Type.String(),
  password: Type.String({ description: 'At most 1024 bytes' }),
  scope: Type.Optional(
    Type.String({ description: 'Scope tokens with one space between two; left out: all that the user may have' }),
  ),
  audience: Type.Optional(Type.String({ description: 'Whom the access token is for; left out: the default audience' })),
  client_id: Type.Optional(
    Type.String({ description: 'A client that is marked first_party; left out: the built-in one' }),
  ),
})

interface LoginBody {
  readonly username: string
  readonly password: string
  readonly scope?: string
  readonly audience?: string
  readonly client_id?: string
}

interface Dependencies extends PasswordDependencies {
  readonly clients: Clients
  readonly tokenPairs: TokenPairs
  readonly defaultAudience: () => string
}

/**
 * POST /login: a user's name and password for a token pair, on behalf of a first-party client.
 * An unknown user, a wrong password, a locked and a disabled account get one and the same answer after one and the same
 * work. Cost: one hash, two reads, two counters, one transaction.
 */
export function loginEndpoint(dependencies: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.login,
    summary: 'Signs a user in and answers with a token pair',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 200: tokenResponseSchema },
    errors: [
      'invalid_request',
      'invalid_credentials',
      'invalid_scope',
      'invalid_target',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => signIn(dependencies, request),
  })
}

async function signIn(
  dependencies: Dependencies,
  { body, headers, address, requestId }: EndpointRequest<LoginBody>,
): Promise<{ status: number; json: TokenPair }> {
  const client = await getFirstPartyClient(dependencies.clients, body.client_id)
  const asked = parseAskedScope(body.scope)
  const audiences = checkAskedAudiences(body, client, dependencies.clients.audiences) ?? [
    dependencies.defaultAudience(),
  ]
  const { username, password } = body
  const json = await proveByPassword(
    dependencies,
    { username, password, address, requestId },
    async ({ user, acr, amr, alongside }) => {
      const ofUser = scopeForUser(user, undefined)
      const allowed = client.scopes === 'all' ? ofUser : scopeForUser(user, client.scopes)
      return dependencies.tokenPairs.start({
        user,
        client,
        scope: grantScope(asked, allowed),
        audiences,
        amr,
        acr,
        address,
        device: String(headers['user-agent'] ?? '').slice(0, 200),
        requestId,
        alongside,
      })
    },
  )
  return { status: 200, json }
}

async function getFirstPartyClient(clients: Clients, id: string = firstPartyClientId): Promise<Client> {
  const client = await clients.find(id)
  if (!client?.firstParty || client.authMethod !== 'none') throw new GatehouseError('invalid_client')
  return client
}
