import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { paths } from '@gatehouse/core/paths'
import { splitWords } from '@gatehouse/core/words'
import * as Type from 'typebox'
import type { RegistrationPolicy } from '../domain/client-registration.ts'
import { eitherWay } from '../domain/clients.ts'
import type { DynamicClient, DynamicClients } from '../domain/dynamic-clients.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'

interface Dependencies {
  readonly issuer: string
  readonly dynamicClients: DynamicClients
  readonly registrationPolicy: () => RegistrationPolicy
  /** Registrations by address. */
  readonly registrationLimit: AddressLimit
}

const anyObject = Type.Record(Type.String(), Type.Unknown())
const described = {
  path: paths.registration,
  answers: { 200: anyObject },
  errors: ['invalid_request', 'invalid_token', 'not_found', 'temporarily_unavailable'] as const,
}

/**
 * Clients that register themselves, and look after it. Spec: RFC 7591 section 3, RFC 7592 section 2.
 * Off unless configured: by a token that an administrator hands out, or open to all, in number and rate limited.
 */
export function registrationEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const { dynamicClients, issuer } = dependencies
  const authenticate = (request: EndpointRequest<unknown>): Promise<DynamicClient['row']> =>
    challenging(dynamicClients.authenticate(askedId(request), tokenOf(request)))
  return [
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Registers a client by what it says of itself',
      spec: 'RFC 7591 section 3.1',
      bodyKind: 'json',
      body: anyObject,
      answers: { 201: anyObject },
      errors: [
        ...described.errors,
        'credentials_required',
        'invalid_redirect_uri',
        'invalid_client_metadata',
        'too_many_requests',
      ],
      cors: 'any',
      refuseQuery: true,
      handle: (request) => register(dependencies, request),
    }),
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'Tells a client how it is registered',
      spec: 'RFC 7592 section 2.1',
      bodyKind: 'none',
      async handle(request) {
        const row = await authenticate(request)
        const registrationToken = tokenOf(request)
        return { status: 200, json: describe(issuer, { ...asRegistered(row), registrationToken }) }
      },
    }),
    defineEndpoint({
      ...described,
      method: 'PUT',
      summary: 'Puts a new description in the place of the old one',
      spec: 'RFC 7592 section 2.2',
      bodyKind: 'json',
      body: anyObject,
      errors: [...described.errors, 'invalid_redirect_uri', 'invalid_client_metadata'],
      async handle(request) {
        const row = await authenticate(request)
        const { address, requestId } = request
        const by = { actor: row.id, address, request_id: requestId }
        const replaced = await dynamicClients.replace(row, request.body, by)
        return { status: 200, json: describe(issuer, { ...replaced, registrationToken: tokenOf(request) }) }
      },
    }),
    defineEndpoint({
      ...described,
      method: 'DELETE',
      summary: 'Deletes a client with everything that it was given',
      spec: 'RFC 7592 section 2.3',
      bodyKind: 'none',
      answers: { 204: null },
      async handle(request) {
        const row = await authenticate(request)
        const { address, requestId } = request
        await dynamicClients.remove(row.id, { actor: row.id, address, request_id: requestId })
        return { status: 204 }
      },
    }),
  ]
}

const askedId = ({ query }: EndpointRequest<unknown>): string => parseForm(query).client_id ?? ''

const bearer = (error: string): Readonly<Record<string, string>> => ({
  'www-authenticate': `Bearer realm="gatehouse"${error === '' ? '' : `, error="${error}"`}`,
})

/** The token of a request; empty where it has none, which then is as wrong as any other. */
const tokenOf = ({ headers }: EndpointRequest<unknown>): string =>
  /^bearer +([\w.~+/=-]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''

/** A refused token, with the challenge that a 401 has. Spec: RFC 6750 section 3. */
const challenging = <T>(asked: Promise<T>): Promise<T> =>
  asked.catch((error: unknown) => {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_token') throw error
    throw new GatehouseError('invalid_token', { cause: error.cause, headers: bearer('invalid_token') })
  })

async function register(
  { issuer, dynamicClients, registrationPolicy, registrationLimit }: Dependencies,
  request: EndpointRequest<JsonObject>,
): Promise<Answer> {
  const { mode } = registrationPolicy()
  if (mode === 'off') throw new GatehouseError('not_found')
  registrationLimit.take(request.address)
  const token = mode === 'token' ? tokenOf(request) : undefined
  if (token === '') throw new GatehouseError('credentials_required', { headers: bearer('') })
  const { address, requestId } = request
  const by = { actor: null, address, request_id: requestId }
  const client = await challenging(dynamicClients.register(request.body, by, token))
  return { status: 201, json: describe(issuer, client) }
}

const metadataOf = ({ metadata }: DynamicClient['row']): DynamicClient['registered']['metadata'] => {
  const { [eitherWay]: _, ...said } = JSON.parse(metadata) as Record<string, unknown>
  return said
}

/** A stored client in the form of one that has just registered. */
const asRegistered = (row: DynamicClient['row']): DynamicClient => ({
  row,
  secret: undefined,
  registrationToken: undefined,
  registered: {
    // Written from a registration that had been checked.
    authMethod: row.auth_method as DynamicClient['registered']['authMethod'],
    grantTypes: row.grant_types.split(' ') as unknown as DynamicClient['registered']['grantTypes'],
    scopes: splitWords(row.scopes),
    jwks: row.jwks === null ? undefined : (JSON.parse(row.jwks) as { keys: object[] }),
    metadata: metadataOf(row),
    secretEitherWay: false,
  },
})

/** The client information response. Spec: RFC 7591 section 3.2.1, RFC 7592 section 3. */
function describe(issuer: string, { row, registered, secret, registrationToken }: DynamicClient): object {
  const { authMethod, grantTypes, scopes, jwks, metadata } = registered
  return {
    client_id: row.id,
    client_id_issued_at: row.created_at,
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
    ...(registrationToken === undefined ? {} : { registration_access_token: registrationToken }),
    registration_client_uri: `${issuer}${paths.registration}?client_id=${encodeURIComponent(row.id)}`,
    token_endpoint_auth_method: authMethod,
    grant_types: grantTypes,
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    scope: scopes.join(' '),
    ...(jwks ? { jwks } : {}),
    ...metadata,
  }
}
