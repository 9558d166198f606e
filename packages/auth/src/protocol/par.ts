import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import { type AddressLimit, rowsFor } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { authorizationParameters, type RequestParameters } from './authorization-request.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import type { Dpop } from './dpop.ts'
import {
  checkPushedRequest,
  hashPushedRequest,
  pushedLifetime,
  pushedRequestPrefix,
  type ReadRequestDependencies,
} from './read-authorization-request.ts'
import { clientParameterSchema } from './token.ts'

interface Dependencies extends ReadRequestDependencies {
  readonly clientAuthentication: ClientAuthentication
  readonly dpop: Pick<Dpop, 'inspect' | 'use'>
  /** Requests of public clients by address. */
  readonly beginnings: AddressLimit
}

/** What is kept of a request: nothing by which the client proves itself, and nothing that nobody will read. */
const known = authorizationParameters.properties

/**
 * Pushed authorization requests: a client sends its request here, proven, and its user only a name for it.
 * Spec: RFC 9126. The same checks as at the authorization endpoint, told at once. Cost: one insert, and one for a proof.
 */
export function pushedRequestEndpoint(dependencies: Dependencies): Endpoint {
  const { issuer, store, clock, clientAuthentication, dpop, beginnings } = dependencies
  const url = issuer + paths.pushedRequest

  const push = async (client: Client, request: EndpointRequest<RequestParameters>): Promise<Answer> => {
    const entries = Object.entries(request.body).filter(([name]) => Object.hasOwn(known, name))
    const outer: RequestParameters = { ...Object.fromEntries(entries), client_id: client.id }
    // A public client has proven nothing.
    if (client.authMethod === 'none') beginnings.take(request.address, rowsFor(JSON.stringify(outer)))
    const target = { method: 'POST', url }
    const proven = dpop.inspect(request, target)
    const pushed = await checkPushedRequest(dependencies, client, outer)
    const { dpop_jkt: named } = pushed.parameters
    if (proven && named !== undefined && named !== proven.jkt) {
      throw new GatehouseError('invalid_dpop_proof', { description: 'The dpop_jkt is not the key of the proof' })
    }
    // Last, so that a request which is refused for something else leaves no row.
    if (proven) await dpop.use(proven.proof, target)
    const urn = pushedRequestPrefix + randomToken(32)
    const now = clock.now()
    await store.pushedRequests.insert({
      hash: hashPushedRequest(urn),
      client_id: client.id,
      parameters: JSON.stringify(pushed),
      dpop_jkt: proven?.jkt ?? null,
      created_at: now,
      expires_at: seconds(now + pushedLifetime),
    })
    return {
      status: 201,
      json: { request_uri: urn, expires_in: pushedLifetime },
      ...(proven?.freshNonce === undefined ? {} : { headers: { 'dpop-nonce': proven.freshNonce } }),
    }
  }
  return defineEndpoint({
    method: 'POST',
    path: paths.pushedRequest,
    summary: 'Takes an authorization request from a client and names it',
    spec: 'RFC 9126 section 2',
    bodyKind: 'form',
    body: Type.Object({ ...clientParameterSchema, ...authorizationParameters.properties }),
    answers: { 201: Type.Object({ request_uri: Type.String(), expires_in: Type.Integer() }) },
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'unsupported_response_type',
      'invalid_scope',
      'invalid_target',
      'invalid_request_object',
      'invalid_authorization_details',
      'invalid_dpop_proof',
      'use_dpop_nonce',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'any',
    refuseQuery: true,
    handle: async (request) => push(await clientAuthentication.authenticate(request, request.body), request),
  })
}
