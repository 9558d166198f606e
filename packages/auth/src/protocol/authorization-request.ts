import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { paths } from '@gatehouse/core/paths'
import { challengeMethod, isCodeChallenge } from '@gatehouse/core/pkce'
import { formatScope } from '@gatehouse/core/scope'
import { appClientPrefix } from '@gatehouse/core/wire-names'
import { splitWords } from '@gatehouse/core/words'
import * as Type from 'typebox'
import { type ResponseMode, responseModes } from '../domain/client-metadata.ts'
import type { Client } from '../domain/clients.ts'
import { type ClaimsParameter, freeScopes } from '../domain/user-claims.ts'
import type { ResponseTarget } from './authorization-response.ts'
import { acceptableValues, parseClaimsParameter } from './claims-parameter.ts'
import { checkAskedAudiences, noneAllowed, parseAskedScope } from './token.ts'

const optionalText = (description: string) => Type.Optional(Type.String({ description }))

/** The parameters of an authorization request, for those who read about it; others are ignored. */
export const authorizationParameters = Type.Object({
  client_id: optionalText('Which client asks'),
  redirect_uri: optionalText('Where the answer goes: one that the client has registered'),
  response_type: optionalText('code'),
  response_mode: optionalText('query (default), fragment, form_post, jwt, query.jwt, fragment.jwt or form_post.jwt'),
  scope: optionalText('Scope tokens with one space between two'),
  state: optionalText('Given back as it is'),
  nonce: optionalText('Stands in the ID token'),
  code_challenge: optionalText('PKCE: RFC 7636 section 4.2'),
  code_challenge_method: optionalText('S256'),
  prompt: optionalText('none, login, consent or select_account'),
  max_age: optionalText('Seconds since the last sign-in that are too long'),
  login_hint: optionalText('The user name to begin with'),
  idp_hint: optionalText('The outside provider to sign in at, by its name in the configuration'),
  id_token_hint: optionalText('Whom the client believes to be signed in'),
  acr_values: optionalText('Kinds of sign-in that are preferred'),
  ui_locales: optionalText('Languages that are preferred'),
  claims: optionalText('OpenID Connect Core section 5.5'),
  resource: optionalText('Audiences: RFC 8707; may be given several times'),
  audience: optionalText('The same as resource'),
  authorization_details: optionalText('RFC 9396'),
  request: optionalText('The whole request, signed: RFC 9101'),
  request_uri: optionalText('The name of a pushed request, or the registered address of a signed one'),
  organization: optionalText('The organization that the user shall act for: its id or its slug'),
  dpop_jkt: optionalText('The key that alone may use the code: RFC 9449 section 10'),
})

/**
 * The parameters of a request as they came, or as they were pushed or signed. No others can be read: what is not described
 * above is not kept of a pushed request.
 */
export type RequestParameters = {
  readonly [Name in keyof typeof authorizationParameters.properties]?: string | undefined
}

/** An authorization request that has passed every check but those about the user. Plain data: it is kept in a flow. */
export interface AuthorizationRequest {
  readonly clientId: string
  readonly redirectUri: string
  readonly responseType: 'code' | 'code id_token'
  readonly mode: ResponseMode
  readonly state?: string
  /** What of the asked scope the client may have. */
  readonly scope: string
  readonly audiences?: readonly string[]
  readonly codeChallenge?: string
  readonly nonce?: string
  readonly prompt: readonly string[]
  readonly maxAge?: number
  readonly loginHint?: string
  /** The outside provider to sign in at. */
  readonly idpHint?: string
  readonly uiLocales?: string
  readonly hintedSubject?: string
  readonly requiredSubject?: string
  readonly essentialAcr?: readonly string[]
  /** Kinds of sign-in that are asked for, as RFC 9470 does. */
  readonly acrValues?: readonly string[]
  readonly claims?: ClaimsParameter
  readonly authorizationDetails?: readonly JsonObject[]
  readonly dpopJkt?: string
  /** The organisation that the user is to act for: its id or slug, not looked up yet. */
  readonly organisation?: string
  /** Of the pushed request that it came by. */
  readonly pushedHash?: string
}

export interface RequestCheckDependencies {
  /** Every audience that can be asked for. */
  readonly audiences: () => ReadonlySet<string>
  /** The subject of an ID token of ours for this client, expired or not; throws `invalid_request` for anything else. */
  readonly readIdTokenHint: (hint: string, client: Client) => string
  /** Checks authorization_details against the types that are configured; throws `invalid_authorization_details`. */
  readonly checkAuthorizationDetails: (text: string, client: Client) => readonly JsonObject[]
  /** Whether every client must push its requests. */
  readonly requiresPushed: () => boolean
}

/** How the request came: what clients can be made to do. */
export interface RequestOrigin {
  readonly isPushed: boolean
  readonly isSigned: boolean
}

/**
 * Everything that is checked of a request once it is known where its answer goes, in this order: what fails is told to the
 * client by a redirect. Spec: RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2.1, RFC 8707,
 * RFC 9126 section 5, RFC 9101 section 10.5, RFC 9396, RFC 9449 section 10.
 */
export function checkAuthorizationRequest(
  dependencies: RequestCheckDependencies,
  { client, redirectUri, mode, state }: ResponseTarget,
  parameters: RequestParameters,
  origin: RequestOrigin,
): AuthorizationRequest {
  checkAllowed(client, origin, dependencies.requiresPushed())
  const responseType = checkResponseType(client, parameters.response_type)
  checkMode(client, mode, responseType)
  const claims = parameters.claims === undefined ? undefined : parseClaimsParameter(parameters.claims)
  return {
    clientId: client.id,
    redirectUri,
    responseType,
    mode,
    ...defined({ state }),
    scope: checkScope(client, parameters.scope),
    ...defined({
      audiences: checkAskedAudiences(
        { resource: parameters.resource, audience: parameters.audience },
        client,
        dependencies.audiences(),
      ),
    }),
    ...checkPkce(client, parameters),
    ...checkNonce(responseType, parameters.nonce),
    prompt: checkPrompt(parameters.prompt),
    ...checkMaxAge(client, parameters.max_age),
    ...defined({
      loginHint: parameters.login_hint?.slice(0, 255),
      idpHint: parameters.idp_hint?.slice(0, 63),
      uiLocales: parameters.ui_locales?.slice(0, 200),
    }),
    ...(parameters.id_token_hint === undefined
      ? {}
      : { hintedSubject: dependencies.readIdTokenHint(parameters.id_token_hint, client) }),
    ...checkClaims(claims),
    ...defined({
      acrValues:
        parameters.acr_values === undefined ? client.defaultAcrValues : splitWords(parameters.acr_values.slice(0, 512)),
    }),
    ...(parameters.authorization_details === undefined
      ? {}
      : { authorizationDetails: dependencies.checkAuthorizationDetails(parameters.authorization_details, client) }),
    ...checkDpopKey(parameters.dpop_jkt),
    ...defined({ organisation: parameters.organization?.slice(0, 100) }),
  }
}

const bad = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })

/** The members that are there: an optional member is left out and not undefined. */
const defined = <T extends object>(members: T): { [Name in keyof T]?: NonNullable<T[Name]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: NonNullable<T[Name]>
  }

function checkAllowed(client: Client, { isPushed, isSigned }: RequestOrigin, requiresPushed: boolean): void {
  if (!client.grantTypes.has('authorization_code')) throw new GatehouseError('unauthorized_client')
  // For a browser app Gatehouse asks itself, by a state that it has sealed.
  const mustPush = client.requirePushedRequests || (requiresPushed && !client.id.startsWith(appClientPrefix))
  if (mustPush && !isPushed) throw bad(`This client must push its requests to ${paths.pushedRequest}`)
  if (client.requireSignedRequestObject && !isSigned) throw bad('This client must sign its requests')
}

function checkResponseType(client: Client, asked: string | undefined): AuthorizationRequest['responseType'] {
  if (asked === undefined) throw bad('The parameter response_type is missing')
  const type = asked.split(' ').sort().join(' ')
  const isHybrid = type === 'code id_token'
  if (type !== 'code' && !isHybrid) throw new GatehouseError('unsupported_response_type')
  if (isHybrid && !client.hybrid) throw new GatehouseError('unsupported_response_type')
  if (!client.responseTypes.has(type) && !isHybrid) throw new GatehouseError('unauthorized_client')
  return type
}

function checkMode(client: Client, mode: ResponseMode, responseType: AuthorizationRequest['responseType']): void {
  if (client.responseModes && !client.responseModes.has(mode)) throw bad('This client may not use this response_mode')
  if (responseType !== 'code' && mode.startsWith('query')) throw bad('This response_type never goes into the query')
}

/** The response mode that is asked for, or the response type's own. Error: `invalid_request` for one that is not known. */
export function parseResponseMode(parameters: RequestParameters): ResponseMode {
  const { response_mode: asked, response_type: type } = parameters
  const own = type?.includes('id_token') ? 'fragment' : 'query'
  if (asked === undefined) return own
  const mode = responseModes.find((candidate) => candidate === asked)
  if (!mode) throw bad('The response_mode is not supported')
  return mode === 'jwt' ? `${own}.jwt` : mode
}

/**
 * What of the asked scope a client may have; all of it where none is asked. Scopes of OpenID Connect are every client's to
 * ask for, but for roles, which services decide by. Error: `invalid_scope` where nothing is left.
 */
export function checkScope(client: Client, text: string | undefined): string {
  const asked = parseAskedScope(text)
  const isAllowed = (scope: string): boolean =>
    client.scopes === 'all' || client.scopes.has(scope) || freeScopes.includes(scope)
  if (asked === undefined) return client.scopes === 'all' ? '' : formatScope(client.scopes)
  const allowed = [...asked].filter(isAllowed)
  if (allowed.length === 0 && asked.size > 0)
    throw noneAllowed(client.scopes === 'all' ? '' : formatScope(client.scopes))
  return allowed.join(' ')
}

function checkPkce(client: Client, parameters: RequestParameters): { readonly codeChallenge?: string } {
  const { code_challenge: challenge, code_challenge_method: method } = parameters
  if (challenge === undefined) {
    if (method !== undefined) throw bad('The parameter code_challenge is missing')
    if (client.pkceOptional && client.authMethod !== 'none') return {}
    throw bad('The parameter code_challenge is missing: PKCE is required')
  }
  if (method !== challengeMethod) throw bad('The code_challenge_method must be S256')
  if (!isCodeChallenge(challenge)) throw bad('The code_challenge is not of the right form')
  return { codeChallenge: challenge }
}

function checkNonce(responseType: AuthorizationRequest['responseType'], nonce: string | undefined): { nonce?: string } {
  if (nonce === undefined) {
    if (responseType !== 'code') throw bad('The parameter nonce is missing')
    return {}
  }
  // Not every database keeps a NUL.
  if (nonce.length > 512 || nonce.includes('\0')) throw bad('The nonce is too long, or has a NUL')
  return { nonce }
}

const prompts: ReadonlySet<string> = new Set(['none', 'login', 'consent', 'select_account'])

function checkPrompt(text: string | undefined): readonly string[] {
  const prompt = splitWords(text ?? '')
  if (!prompt.every((value) => prompts.has(value))) throw bad('The prompt is not supported')
  if (prompt.includes('none') && prompt.length > 1) throw bad('prompt=none goes with no other prompt')
  return prompt
}

function checkMaxAge(client: Client, text: string | undefined): { readonly maxAge?: number } {
  if (text === undefined) return client.defaultMaxAge === undefined ? {} : { maxAge: client.defaultMaxAge }
  if (!/^\d{1,9}$/.test(text)) throw bad('The max_age is not a number of seconds')
  return { maxAge: Number(text) }
}

/** What the claims parameter demands of the sign-in itself. Spec: OpenID Connect Core sections 5.5.1 and 5.5.1.1. */
function checkClaims(
  claims: ClaimsParameter | undefined,
): Pick<AuthorizationRequest, 'claims' | 'requiredSubject' | 'essentialAcr'> {
  if (!claims) return {}
  const subjects = acceptableValues(claims.id_token?.sub)
  if (subjects && subjects.length !== 1) throw bad('The parameter claims must name one sub, as a text')
  const [requiredSubject] = subjects ?? []
  const acr = claims.id_token?.acr
  const essentialAcr = acr?.essential ? acceptableValues(acr) : undefined
  return { claims, ...defined({ requiredSubject, essentialAcr }) }
}

function checkDpopKey(thumbprint: string | undefined): { readonly dpopJkt?: string } {
  if (thumbprint === undefined) return {}
  if (!/^[\w-]{43}$/.test(thumbprint)) throw bad('The dpop_jkt is not a thumbprint')
  return { dpopJkt: thumbprint }
}
