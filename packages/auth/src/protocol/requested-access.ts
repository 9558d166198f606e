import type { JsonObject } from '@gatehouse/core/json'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import type { RequestedAccess } from '../domain/decoupled-requests.ts'
import { checkScope, type RequestCheckDependencies } from './authorization-request.ts'
import { checkAskedAudiences } from './token.ts'

/** Parameters by which a client asks for access, without a browser. */
export const accessParameterSchema = {
  scope: Type.Optional(Type.String({ description: 'Scope tokens with one space between two' })),
  audience: Type.Optional(Type.String({ description: 'Whom the access token is for; left out: the default audience' })),
  resource: Type.Optional(
    Type.String({ description: 'The same as audience, by RFC 8707; may be given several times' }),
  ),
  authorization_details: Type.Optional(Type.String({ description: 'RFC 9396' })),
}

export interface AccessCheckDependencies
  extends Pick<RequestCheckDependencies, 'audiences' | 'checkAuthorizationDetails'> {
  /** The audience where none is asked for. */
  readonly defaultAudience: () => string
}

interface AccessParameters {
  readonly scope?: string
  readonly audience?: string
  readonly resource?: string
  readonly authorization_details?: string
}

/**
 * What a client may ask a user for, by the same rules as at the authorization endpoint.
 * Errors: `invalid_scope`, `invalid_target`, `invalid_authorization_details`.
 */
export function checkRequestedAccess(
  { audiences, defaultAudience, checkAuthorizationDetails }: AccessCheckDependencies,
  client: Client,
  form: AccessParameters,
  address: string,
): RequestedAccess {
  const details: readonly JsonObject[] | undefined =
    form.authorization_details === undefined ? undefined : checkAuthorizationDetails(form.authorization_details, client)
  return {
    client,
    scope: checkScope(client, form.scope),
    audiences: checkAskedAudiences(form, client, audiences()) ?? [defaultAudience()],
    details,
    address,
  }
}
