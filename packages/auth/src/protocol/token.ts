import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { formatScope, parseScope, type ScopeSet } from '@gatehouse/core/scope'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'

/** The form of a token request: what every grant may read. Unknown parameters are ignored (RFC 6749 section 3.2). */
export interface TokenParameters {
  readonly grant_type: string
  readonly scope?: string
  readonly audience?: string
  readonly resource?: string
  readonly refresh_token?: string
}

/** What a grant is handed: the shared phases have been passed, and cannot be skipped. */
export interface GrantRequest {
  readonly client: Client
  readonly form: TokenParameters
  /** The asked scope; absent where none was asked. */
  readonly scope: ScopeSet | undefined
  /** The asked audience, known to exist; absent where none was asked. */
  readonly audience: string | undefined
  readonly address: string
  readonly requestId: string
}

/** What a grant answers: the token response of RFC 6749 section 5.1. */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly refresh_token?: string
  readonly scope: string
}

/** One grant type: it proves only its own thing. */
export interface Grant {
  readonly type: string
  /** Whether a client that has not proven itself may use it. */
  readonly forPublicClients: boolean
  readonly issue: (request: GrantRequest) => TokenResponse | Promise<TokenResponse>
}

/** The form parameters by which a client authenticates, for every endpoint that asks for it. */
export const clientParameterSchema = {
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
  client_assertion: Type.Optional(Type.String()),
  client_assertion_type: Type.Optional(Type.String()),
}

const formSchema = Type.Object({
  ...clientParameterSchema,
  grant_type: Type.String({ description: 'client_credentials or refresh_token' }),
  scope: Type.Optional(
    Type.String({ description: 'Scope tokens with one space between two; left out: all that is allowed' }),
  ),
  audience: Type.Optional(Type.String({ description: 'Whom the access token is for; left out: the default audience' })),
  resource: Type.Optional(Type.String({ description: 'The same as audience, by RFC 8707' })),
  refresh_token: Type.Optional(Type.String()),
})

/** A token response as a schema. */
export const tokenResponseSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.Optional(Type.String()),
  scope: Type.String(),
})

interface Dependencies {
  readonly clientAuthentication: ClientAuthentication
  readonly grants: readonly Grant[]
  /** Every audience that can be asked for. */
  readonly audiences: () => ReadonlySet<string>
  readonly onIssued: (grantType: string) => void
}

/**
 * The token endpoint: client, grant type, scope and audience are checked in this order for every grant.
 * Spec: RFC 6749 section 3.2.
 */
export function tokenEndpoint({ clientAuthentication, grants, audiences, onIssued }: Dependencies): Endpoint {
  const byType = new Map(grants.map((grant) => [grant.type, grant]))

  const afterClient = (client: Client, request: EndpointRequest<TokenParameters>): Answer | Promise<Answer> => {
    const { body: form } = request
    const grant = byType.get(form.grant_type)
    if (!grant) throw new GatehouseError('unsupported_grant_type')
    if (!client.grantTypes.has(grant.type) || (client.authMethod === 'none' && !grant.forPublicClients)) {
      throw new GatehouseError('unauthorized_client')
    }
    const issued = grant.issue({
      client,
      form,
      scope: parseAskedScope(form.scope),
      audience: checkAskedAudience(form, client, audiences()),
      address: request.address,
      requestId: request.requestId,
    })
    if (issued instanceof Promise) return issued.then((response) => answerWith(response, grant.type))
    return answerWith(issued, grant.type)
  }
  const answerWith = (response: TokenResponse, type: string): Answer => {
    onIssued(type)
    return { status: 200, json: response, headers: { pragma: 'no-cache' } }
  }

  return defineEndpoint({
    method: 'POST',
    path: paths.token,
    summary: 'Issues tokens: client credentials and refresh tokens',
    spec: 'RFC 6749 section 3.2',
    bodyKind: 'form',
    body: formSchema,
    answers: { 200: tokenResponseSchema },
    errors: [
      'invalid_request',
      'invalid_client',
      'invalid_grant',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_scope',
      'invalid_target',
      'temporarily_unavailable',
    ],
    cors: 'any',
    refuseQuery: true,
    handle(request) {
      const client = clientAuthentication.authenticate(request.headers, request.body)
      return client instanceof Promise
        ? client.then((found) => afterClient(found, request))
        : afterClient(client, request)
    },
  })
}

/** The asked scope. Error: `invalid_scope` for a parameter that is no list of scope tokens (RFC 6749 section 3.3). */
export function parseAskedScope(parameter: string | undefined): ScopeSet | undefined {
  if (parameter === undefined) return undefined
  const scope = parseScope(parameter)
  if (!scope) throw new GatehouseError('invalid_scope', { description: 'The scope is not a list of scope tokens' })
  return scope
}

/**
 * The one audience that is asked for. Errors: `invalid_target` (RFC 8707 section 2) for one that is unknown, that the client
 * may not ask for, or that differs between `audience` and `resource`.
 */
export function checkAskedAudience(
  asked: { readonly audience?: string; readonly resource?: string },
  client: Client,
  known: ReadonlySet<string>,
): string | undefined {
  const audience = asked.audience ?? asked.resource
  if (audience === undefined) return undefined
  if (asked.resource !== undefined && asked.resource !== audience) throw new GatehouseError('invalid_target')
  if (!known.has(audience) || !(client.firstParty || client.audiences.has(audience)))
    throw new GatehouseError('invalid_target')
  return audience
}

/** What of the asked scope is granted: all that is allowed where nothing was asked. Error: `invalid_scope` where nothing is left. */
export function grantScope(asked: ScopeSet | undefined, allowed: ScopeSet): string {
  if (asked === undefined) return formatScope(allowed)
  const granted = [...asked].filter((token) => allowed.has(token))
  if (granted.length === 0 && asked.size > 0) throw new GatehouseError('invalid_scope')
  return granted.join(' ')
}
