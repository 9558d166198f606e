import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { paths } from '@gatehouse/core/paths'
import { formatScope, parseScope, type ScopeSet } from '@gatehouse/core/scope'
import * as Type from 'typebox'
import type { Confirmation, TokenPair } from '../domain/build-token-pair.ts'
import type { Client } from '../domain/clients.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import type { Dpop } from './dpop.ts'
import { findSenderConstraint } from './sender-constraint.ts'

/** The form of a token request: what every grant may read. Unknown parameters are ignored (RFC 6749 section 3.2). */
export type TokenParameters = Type.Static<typeof formSchema>

/** What a grant is handed: the shared phases have been passed, and cannot be skipped. */
export interface GrantRequest {
  readonly client: Client
  readonly form: TokenParameters
  /** The asked scope; absent where none was asked. */
  readonly scope: ScopeSet | undefined
  /** The asked audiences, known to exist; absent where none was asked. */
  readonly audiences: readonly string[] | undefined
  /** The asked authorization_details, of types that the client may ask for; absent where none were asked. */
  readonly details: readonly JsonObject[] | undefined
  /** What the tokens are to be bound to. */
  readonly confirmation: Confirmation | undefined
  /**
   * Uses up what the request proves its key by, or throws where somebody has before. A grant that writes calls it once all that
   * it asks for is found good, before its first write; the endpoint sees to it for every grant before it answers. Absent where
   * there is nothing to use up.
   */
  readonly useProof: (() => Promise<void>) | undefined
  readonly address: string
  readonly requestId: string
}

/** What a grant answers: the token response of RFC 6749 section 5.1. */
export interface TokenResponse extends TokenPair {
  readonly id_token?: string | undefined
  /** RFC 8693 section 2.2.1. */
  readonly issued_token_type?: string
}

/** One grant type: it proves only its own thing. */
export interface Grant {
  readonly type: string
  /** Whether a client that has not proven itself may use it. */
  readonly forPublicClients: boolean
  /** Whether it judges the audience by itself, since it may be one that the client could not ask for otherwise. */
  readonly ownAudiences?: true
  /**
   * The client that the grant itself proves, for requests without any other proof of a client. It uses nothing up: a request
   * that is refused later can be sent again.
   */
  readonly proveClient?: (form: TokenParameters) => Promise<Client>
  readonly issue: (request: GrantRequest) => TokenResponse | Promise<TokenResponse>
}

const noCache = { pragma: 'no-cache' } as const

/** The form parameters by which a client authenticates, for every endpoint that asks for it. */
export const clientParameterSchema = {
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
  client_assertion: Type.Optional(Type.String()),
  client_assertion_type: Type.Optional(Type.String()),
}

const optionalText = (description: string) => Type.Optional(Type.String({ description }))

const formSchema = Type.Object({
  ...clientParameterSchema,
  grant_type: Type.String({ description: 'One of the grant types in the metadata' }),
  scope: optionalText('Scope tokens with one space between two; left out: all that is allowed'),
  audience: optionalText('Whom the access token is for; left out: the default audience'),
  resource: optionalText('The same as audience, by RFC 8707; may be given several times'),
  authorization_details: optionalText('RFC 9396'),
  refresh_token: optionalText('refresh_token'),
  code: optionalText('authorization_code'),
  redirect_uri: optionalText('authorization_code: as in the authorization request'),
  code_verifier: optionalText('authorization_code: RFC 7636'),
  device_code: optionalText('RFC 8628'),
  auth_req_id: optionalText('CIBA'),
  assertion: optionalText('jwt-bearer: RFC 7523'),
  subject_token: optionalText('token-exchange: RFC 8693'),
  subject_token_type: optionalText('token-exchange'),
  actor_token: optionalText('token-exchange'),
  actor_token_type: optionalText('token-exchange'),
  requested_token_type: optionalText('token-exchange'),
})

/** A token response as a schema. */
export const tokenResponseSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  expires_in: Type.Integer({ description: 'Seconds' }),
  refresh_token: Type.Optional(Type.String()),
  scope: Type.String(),
  id_token: Type.Optional(Type.String()),
  authorization_details: Type.Optional(Type.Array(Type.Object({}))),
  issued_token_type: Type.Optional(Type.String()),
})

interface Dependencies {
  readonly issuer: string
  readonly dpop: Pick<Dpop, 'inspect' | 'use'>
  readonly clientAuthentication: ClientAuthentication
  readonly grants: readonly Grant[]
  /** Every audience that can be asked for. */
  readonly audiences: () => ReadonlySet<string>
  /** Throws `invalid_authorization_details`. */
  readonly checkAuthorizationDetails: (text: string, client: Client) => readonly JsonObject[]
  readonly onIssued: (grantType: string) => void
}

/**
 * The token endpoint: client, sender constraint, grant type, scope, audience and authorization_details are checked in this
 * order for every grant. A proof of possession is used up last, so that a request which is refused for something else leaves no row.
 * Spec: RFC 6749 section 3.2.
 */
export function tokenEndpoint(dependencies: Dependencies): Endpoint {
  const { issuer, clientAuthentication, grants, audiences, checkAuthorizationDetails, onIssued } = dependencies
  const byType = new Map(grants.map((grant) => [grant.type, grant]))
  const url = issuer + paths.token

  const afterClient = (client: Client, request: EndpointRequest<TokenParameters>): Answer | Promise<Answer> => {
    const { confirmation, headers, useProof } = findSenderConstraint(dependencies, client, request, url)
    const { body: form, address, requestId } = request
    const grant = byType.get(form.grant_type)
    if (!grant) throw new GatehouseError('unsupported_grant_type', { needed: `one of ${[...byType.keys()].join(' ')}` })
    if (!client.grantTypes.has(grant.type) || (client.authMethod === 'none' && !grant.forPublicClients)) {
      throw new GatehouseError('unauthorized_client', {
        cause: new Error(`the grant types of ${client.id} are ${[...client.grantTypes].join(' ')}`),
        needed: `${grant.type} among the client’s grant_types${grant.forPublicClients ? '' : ', and a client that proves itself'}`,
      })
    }
    const issued = grant.issue({
      client,
      form,
      scope: parseAskedScope(form.scope),
      audiences: grant.ownAudiences ? undefined : checkAskedAudiences(form, client, audiences()),
      details:
        form.authorization_details === undefined
          ? undefined
          : checkAuthorizationDetails(form.authorization_details, client),
      confirmation,
      useProof,
      address,
      requestId,
    })
    const answerWith = (json: TokenResponse): Answer => {
      onIssued(grant.type)
      return { status: 200, json, headers: headers ? { ...noCache, ...headers } : noCache }
    }
    if (useProof) return answerAfter(issued, useProof).then(answerWith)
    return issued instanceof Promise ? issued.then(answerWith) : answerWith(issued)
  }

  return defineEndpoint({
    method: 'POST',
    path: paths.token,
    summary: 'Issues tokens, by one grant type or another',
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
      'invalid_dpop_proof',
      'use_dpop_nonce',
      'too_many_requests',
      'invalid_authorization_details',
      'authorization_pending',
      'slow_down',
      'access_denied',
      'expired_token',
      'temporarily_unavailable',
    ],
    cors: 'any',
    refuseQuery: true,
    handle(request) {
      const proveClient = byType.get(request.body.grant_type)?.proveClient
      const client =
        proveClient && !hasOwnProof(request)
          ? proveClient(request.body)
          : clientAuthentication.authenticate(request, request.body)
      return client instanceof Promise
        ? client.then((found) => afterClient(found, request))
        : afterClient(client, request)
    },
  })
}

/** What was issued, if the proof had not been used: by whichever grant, nothing gets out twice for one. */
async function answerAfter(
  issued: TokenResponse | Promise<TokenResponse>,
  useProof: () => Promise<void>,
): Promise<TokenResponse> {
  const response = await issued
  await useProof()
  return response
}

/** Whether a request brings a proof of its client that is none of the grant's. */
const hasOwnProof = ({ headers, body }: EndpointRequest<TokenParameters>): boolean =>
  (headers.authorization ?? body.client_secret ?? body.client_assertion) !== undefined

/** The asked scope. Error: `invalid_scope` for a parameter that is no list of scope tokens (RFC 6749 section 3.3). */
export function parseAskedScope(parameter: string | undefined): ScopeSet | undefined {
  if (parameter === undefined) return undefined
  const scope = parseScope(parameter)
  if (!scope) throw new GatehouseError('invalid_scope', { description: 'The scope is not a list of scope tokens' })
  return scope
}

/** Audiences as parameters name them: by either name, with one space between two. */
export interface AskedAudiences {
  readonly audience?: string | undefined
  readonly resource?: string | undefined
}

/**
 * The audiences that are asked for, by one name or the other; `undefined` where none is. Errors: `invalid_target` (RFC 8707
 * section 2) for one that is unknown, that the client may not ask for, or where the two names differ.
 */
export function checkAskedAudiences(
  asked: AskedAudiences,
  client: Pick<Client, 'firstParty' | 'audiences'>,
  known: ReadonlySet<string>,
): readonly string[] | undefined {
  const text = asked.audience ?? asked.resource
  if (text === undefined) return undefined
  if (asked.resource !== undefined && asked.resource !== text)
    throw new GatehouseError('invalid_target', { cause: new Error('audience and resource differ') })
  const audiences = [...new Set(text.split(' '))]
  for (const audience of audiences) {
    const isAllowed = client.firstParty || client.audiences.has(audience) || client.audiences.has('*')
    if (!known.has(audience) || !isAllowed) {
      const why = known.has(audience) ? 'the client may not ask for it' : 'no service has it'
      throw new GatehouseError('invalid_target', {
        cause: new Error(`${audience}: ${why}`),
        needed: known.has(audience) ? 'the audience among the client’s audiences' : `one of ${[...known].join(' ')}`,
      })
    }
  }
  return audiences
}

/** What is asked for of the audiences that were granted: all of them where nothing is. `undefined` = one that was not. */
export function narrowAudiences(
  asked: readonly string[] | undefined,
  granted: readonly string[],
): readonly string[] | undefined {
  return asked === undefined || asked.every((audience) => granted.includes(audience)) ? (asked ?? granted) : undefined
}

/** The refusal of a scope of which nothing is allowed. */
export const noneAllowed = (allowed: string): GatehouseError =>
  new GatehouseError('invalid_scope', { needed: allowed === '' ? 'no scope: none is allowed' : `some of ${allowed}` })

/** What of the asked scope is granted: all that is allowed where nothing was asked. Error: `invalid_scope` where nothing is left. */
export function grantScope(asked: ScopeSet | undefined, allowed: ScopeSet): string {
  if (asked === undefined) return formatScope(allowed)
  const granted = [...asked].filter((token) => allowed.has(token))
  if (granted.length === 0 && asked.size > 0) throw noneAllowed(formatScope(allowed))
  return granted.join(' ')
}
