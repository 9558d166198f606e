import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import { type DecoupledRequests, decisionTime, pollInterval } from '../domain/decoupled-requests.ts'
import { showUserCode } from '../domain/user-codes.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import { deviceCodeGrantType } from './grants/device-code.ts'
import { type AccessCheckDependencies, accessParameterSchema, checkRequestedAccess } from './requested-access.ts'
import { clientParameterSchema } from './token.ts'

interface Dependencies extends AccessCheckDependencies {
  readonly issuer: string
  readonly clientAuthentication: ClientAuthentication
  readonly decoupledRequests: DecoupledRequests
  /** Requests of public clients by address. */
  readonly beginnings: AddressLimit
}

const formSchema = Type.Object({ ...clientParameterSchema, ...accessParameterSchema })

type DeviceForm = Type.Static<typeof formSchema>

/**
 * Begins the device flow: a code for the device, and one that its user types elsewhere. Spec: RFC 8628 section 3.1.
 * Scope, audience and details are judged here, so that a device hears at once what nobody could give it. Cost: one insert.
 */
export function deviceAuthorizationEndpoint(dependencies: Dependencies): Endpoint {
  const { issuer, clientAuthentication, decoupledRequests, beginnings } = dependencies
  const verificationUri = issuer + paths.device

  const begin = async (client: Client, { body, address }: EndpointRequest<DeviceForm>): Promise<Answer> => {
    if (!client.grantTypes.has(deviceCodeGrantType)) throw new GatehouseError('unauthorized_client')
    // A public client has proven nothing.
    if (client.authMethod === 'none') beginnings.take(address)
    const asked = checkRequestedAccess(dependencies, client, body, address)
    const { deviceCode, userCode } = await decoupledRequests.beginDevice(asked)
    const shown = showUserCode(userCode)
    return {
      status: 200,
      json: {
        device_code: deviceCode,
        user_code: shown,
        verification_uri: verificationUri,
        verification_uri_complete: `${verificationUri}?user_code=${shown}`,
        expires_in: decisionTime,
        interval: pollInterval,
      },
    }
  }
  return defineEndpoint({
    method: 'POST',
    path: paths.deviceAuthorization,
    summary: 'Begins a sign-in on a device without a browser',
    spec: 'RFC 8628 section 3.1',
    bodyKind: 'form',
    body: formSchema,
    answers: {
      200: Type.Object({
        device_code: Type.String(),
        user_code: Type.String({ description: 'XXXX-XXXX' }),
        verification_uri: Type.String(),
        verification_uri_complete: Type.String(),
        expires_in: Type.Integer({ description: 'Seconds' }),
        interval: Type.Integer({ description: 'Seconds between two polls' }),
      }),
    },
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'invalid_scope',
      'invalid_target',
      'invalid_authorization_details',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'any',
    refuseQuery: true,
    handle: async (request) => begin(await clientAuthentication.authenticate(request, request.body), request),
  })
}
