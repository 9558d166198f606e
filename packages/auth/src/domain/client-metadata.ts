import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { checkRedirectUri } from '@gatehouse/core/redirect-uri'
import { seconds } from '@gatehouse/core/time'
import * as Type from 'typebox'
import { isShowable } from './shown-text.ts'

/** How a client proves itself. Spec: RFC 7591 section 2, RFC 8705 section 2. */
export const authMethods = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const
export type AuthMethod = (typeof authMethods)[number]

/** A grant type as its RFC spells it. */
export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
  'urn:openid:params:grant-type:ciba',
] as const
export type GrantType = (typeof grantTypes)[number]

/** Algorithms that ID tokens and other answers can be signed with. */
export const answerAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const
export type AnswerAlgorithm = (typeof answerAlgorithms)[number]

/** Algorithms that request objects and assertions of clients can be signed with. */
export const requestAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const
export type RequestAlgorithm = (typeof requestAlgorithms)[number]

/** Key management of encrypted answers. Spec: RFC 7518 section 4. */
export const keyAlgorithms = ['ECDH-ES', 'RSA-OAEP-256'] as const
/** Content encryption of encrypted answers. Spec: RFC 7518 section 5. */
export const contentEncryptions = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const

/** Where the answer to an authorization request can stand. `jwt` and those that end in it are signed (JARM). */
export const responseModes = [
  'query',
  'fragment',
  'form_post',
  'jwt',
  'query.jwt',
  'fragment.jwt',
  'form_post.jwt',
] as const
export type ResponseMode = (typeof responseModes)[number]

/** Ways in which a client certificate can name its owner. Spec: RFC 8705 section 2.1.2. */
export const certificateNames = ['subject_dn', 'san_dns', 'san_uri', 'san_ip', 'san_email'] as const

/** One of some texts, as a schema. */
export const oneOf = <const Values extends readonly string[]>(values: Values, options: object) =>
  Type.Unsafe<Values[number]>({ enum: [...values], expected: values.join(', '), ...options })
const text = (description: string, maxLength = 2048) =>
  Type.String({ minLength: 1, maxLength, description, expected: 'a text' })
const uri = (description: string) =>
  Type.String({ minLength: 1, maxLength: 2048, pattern: '^[!-~]+$', description, expected: 'a URL' })
const uris = (description: string) =>
  Type.Array(uri(description), { maxItems: 50, description, expected: 'a list of URLs' })
const flag = (description: string) => Type.Boolean({ description, expected: 'true or false' })

const encryptionAlg = Type.Optional(oneOf(keyAlgorithms, { description: 'How the key of that answer is encrypted' }))
const encryptionEnc = Type.Optional(oneOf(contentEncryptions, { description: 'How that answer is encrypted' }))

/**
 * What a client may register of itself, by the names of RFC 7591, OpenID Connect Registration and their extensions: the
 * one description for the configuration file, dynamic registration, and client ID metadata documents.
 */
export const clientMetadataMembers = {
  client_name: Type.Optional(text('What people are shown', 100)),
  client_uri: Type.Optional(uri('Its home page')),
  logo_uri: Type.Optional(uri('Its logo; its host is shown, the image is not loaded')),
  policy_uri: Type.Optional(uri('What it does with data')),
  tos_uri: Type.Optional(uri('Its terms of service')),
  application_type: Type.Optional(oneOf(['web', 'native'], { description: 'Where it runs' })),
  redirect_uris: Type.Optional(uris('Where answers may go, compared character by character')),
  post_logout_redirect_uris: Type.Optional(uris('Where people may be sent after they have signed out')),
  response_types: Type.Optional(
    Type.Array(Type.String({ maxLength: 40 }), { maxItems: 5, description: 'code', expected: 'a list such as [code]' }),
  ),
  response_modes: Type.Optional(
    Type.Array(oneOf(responseModes, { description: 'A response mode' }), {
      maxItems: 10,
      description: 'Left out: all of them',
      expected: 'a list',
    }),
  ),
  jwks_uri: Type.Optional(uri('Where its public keys are')),
  subject_type: Type.Optional(
    oneOf(['public', 'pairwise'], { description: 'Whether it is told a subject of its own for each user' }),
  ),
  sector_identifier_uri: Type.Optional(uri('A list of the redirect URIs that share pairwise subjects')),
  id_token_signed_response_alg: Type.Optional(
    oneOf(answerAlgorithms, { description: 'How its ID tokens are signed; left out: RS256' }),
  ),
  id_token_encrypted_response_alg: encryptionAlg,
  id_token_encrypted_response_enc: encryptionEnc,
  userinfo_signed_response_alg: Type.Optional(
    oneOf(answerAlgorithms, { description: 'Userinfo as a signed JWT; left out: as JSON' }),
  ),
  userinfo_encrypted_response_alg: encryptionAlg,
  userinfo_encrypted_response_enc: encryptionEnc,
  introspection_signed_response_alg: Type.Optional(
    oneOf(answerAlgorithms, { description: 'How introspection as JWT is signed' }),
  ),
  introspection_encrypted_response_alg: encryptionAlg,
  introspection_encrypted_response_enc: encryptionEnc,
  authorization_signed_response_alg: Type.Optional(
    oneOf(answerAlgorithms, { description: 'How JARM answers are signed' }),
  ),
  authorization_encrypted_response_alg: encryptionAlg,
  authorization_encrypted_response_enc: encryptionEnc,
  request_object_signing_alg: Type.Optional(
    oneOf(requestAlgorithms, { description: 'The one algorithm of its request objects' }),
  ),
  request_uris: Type.Optional(uris('Where its request objects may be fetched from')),
  require_signed_request_object: Type.Optional(flag('Refuse requests without a request object')),
  require_pushed_authorization_requests: Type.Optional(flag('Refuse requests that were not pushed')),
  dpop_bound_access_tokens: Type.Optional(flag('Its tokens are always bound to a DPoP key')),
  tls_client_certificate_bound_access_tokens: Type.Optional(flag('Its tokens are bound to its certificate')),
  tls_client_auth_subject_dn: Type.Optional(text('The subject of its certificate (RFC 4514)')),
  tls_client_auth_san_dns: Type.Optional(text('A DNS name of its certificate')),
  tls_client_auth_san_uri: Type.Optional(text('A URI of its certificate')),
  tls_client_auth_san_ip: Type.Optional(text('An address of its certificate')),
  tls_client_auth_san_email: Type.Optional(text('A mail address of its certificate')),
  default_max_age: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 315_360_000,
      description: 'Seconds since the last sign-in that are too long',
      expected: 'seconds',
    }),
  ),
  require_auth_time: Type.Optional(flag('ID tokens always say when the user signed in')),
  backchannel_logout_uri: Type.Optional(uri('Is told of sessions that end')),
  backchannel_logout_session_required: Type.Optional(flag('It wants to know which session')),
  frontchannel_logout_uri: Type.Optional(uri('Is loaded in a frame when a session ends')),
  frontchannel_logout_session_required: Type.Optional(flag('It wants to know which session')),
  backchannel_token_delivery_mode: Type.Optional(
    oneOf(['poll', 'ping'], { description: 'How it hears of CIBA decisions' }),
  ),
  backchannel_client_notification_endpoint: Type.Optional(uri('Where CIBA pings go')),
  authorization_details_types: Type.Optional(
    Type.Array(text('A type', 200), {
      maxItems: 50,
      description: 'Types of authorization_details that it may ask for',
      expected: 'a list of types',
    }),
  ),
}

const metadataSchema = Type.Object(clientMetadataMembers)
/** Metadata as they were registered, already of the right shape. */
export type ClientMetadata = Type.Static<typeof metadataSchema>

/** How an answer to a client is encrypted. */
export interface AnswerEncryption {
  readonly alg: (typeof keyAlgorithms)[number]
  readonly enc: (typeof contentEncryptions)[number]
}

/** How an answer to a client is protected; without `alg` it is plain JSON. */
export interface AnswerProtection {
  readonly alg: AnswerAlgorithm | undefined
  readonly encryption: AnswerEncryption | undefined
}

/** Where a client hears of sessions that end. */
export interface LogoutChannel {
  readonly uri: string
  readonly sessionRequired: boolean
}

/** What follows from a client's metadata. */
export interface ClientSettings {
  readonly name: string | undefined
  readonly clientUri: string | undefined
  readonly logoUri: string | undefined
  readonly policyUri: string | undefined
  readonly tosUri: string | undefined
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** undefined = all. */
  readonly responseModes: ReadonlySet<ResponseMode> | undefined
  readonly responseTypes: ReadonlySet<string>
  readonly jwksUri: string | undefined
  readonly subjectType: 'public' | 'pairwise'
  /**
   * What pairwise subjects are made for: a host. undefined = the client alone; the machine itself and a scheme of an app's
   * own are no place that clients could share.
   */
  readonly sectorIdentifier: string | undefined
  readonly idToken: AnswerProtection & { readonly alg: AnswerAlgorithm }
  readonly userinfo: AnswerProtection
  readonly introspection: AnswerProtection
  readonly authorizationResponse: AnswerProtection & { readonly alg: AnswerAlgorithm }
  readonly requestObjectAlg: RequestAlgorithm | undefined
  readonly requestUris: readonly string[]
  readonly requireSignedRequestObject: boolean
  readonly requirePushedRequests: boolean
  readonly dpopBound: boolean
  readonly certificateBound: boolean
  /** For tls_client_auth: what the certificate must say. */
  readonly certificate: { readonly kind: (typeof certificateNames)[number]; readonly value: string } | undefined
  readonly defaultMaxAge: Seconds | undefined
  readonly requireAuthTime: boolean
  readonly backchannelLogout: LogoutChannel | undefined
  readonly frontchannelLogout: LogoutChannel | undefined
  readonly ciba: { readonly mode: 'poll' | 'ping'; readonly notificationEndpoint: string | undefined } | undefined
  readonly authorizationDetailsTypes: ReadonlySet<string>
}

/** The settings that metadata of the right shape mean, with every default filled in. */
export function buildClientSettings(metadata: ClientMetadata): ClientSettings {
  const { redirect_uris = [], backchannel_token_delivery_mode: cibaMode } = metadata
  const sector = metadata.sector_identifier_uri ?? redirect_uris.slice(0, 1).find(isHttps)
  return {
    name: metadata.client_name,
    clientUri: metadata.client_uri,
    logoUri: metadata.logo_uri,
    policyUri: metadata.policy_uri,
    tosUri: metadata.tos_uri,
    redirectUris: redirect_uris,
    postLogoutRedirectUris: metadata.post_logout_redirect_uris ?? [],
    responseModes: metadata.response_modes && new Set(metadata.response_modes.flatMap(modesMeantBy)),
    responseTypes: new Set(metadata.response_types ?? ['code']),
    jwksUri: metadata.jwks_uri,
    subjectType: metadata.subject_type ?? 'public',
    sectorIdentifier: sector !== undefined && URL.canParse(sector) ? new URL(sector).host : undefined,
    idToken: { alg: metadata.id_token_signed_response_alg ?? 'RS256', encryption: encryptionOf(metadata, 'id_token') },
    userinfo: { alg: metadata.userinfo_signed_response_alg, encryption: encryptionOf(metadata, 'userinfo') },
    introspection: {
      alg: metadata.introspection_signed_response_alg,
      encryption: encryptionOf(metadata, 'introspection'),
    },
    authorizationResponse: {
      alg: metadata.authorization_signed_response_alg ?? 'RS256',
      encryption: encryptionOf(metadata, 'authorization'),
    },
    requestObjectAlg: metadata.request_object_signing_alg,
    requestUris: metadata.request_uris ?? [],
    requireSignedRequestObject: metadata.require_signed_request_object ?? false,
    requirePushedRequests: metadata.require_pushed_authorization_requests ?? false,
    dpopBound: metadata.dpop_bound_access_tokens ?? false,
    certificateBound: metadata.tls_client_certificate_bound_access_tokens ?? false,
    certificate: certificateOf(metadata),
    defaultMaxAge: metadata.default_max_age === undefined ? undefined : seconds(metadata.default_max_age),
    requireAuthTime: metadata.require_auth_time ?? false,
    backchannelLogout: logoutChannel(metadata.backchannel_logout_uri, metadata.backchannel_logout_session_required),
    frontchannelLogout: logoutChannel(metadata.frontchannel_logout_uri, metadata.frontchannel_logout_session_required),
    ciba: cibaMode && { mode: cibaMode, notificationEndpoint: metadata.backchannel_client_notification_endpoint },
    authorizationDetailsTypes: new Set(metadata.authorization_details_types),
  }
}

/** `jwt` is not a place of its own: it means that of the response type. Spec: JARM section 2.3.4. */
const modesMeantBy = (mode: ResponseMode): readonly ResponseMode[] =>
  mode === 'jwt' ? ['query.jwt', 'fragment.jwt'] : [mode]

function encryptionOf(
  metadata: ClientMetadata,
  answer: 'id_token' | 'userinfo' | 'introspection' | 'authorization',
): AnswerEncryption | undefined {
  const alg = metadata[`${answer}_encrypted_response_alg`]
  if (alg === undefined) return undefined
  return { alg, enc: metadata[`${answer}_encrypted_response_enc`] ?? 'A128CBC-HS256' }
}

const logoutChannel = (uri: string | undefined, sessionRequired = false): LogoutChannel | undefined =>
  uri === undefined ? undefined : { uri, sessionRequired }

const certificateMembers = certificateNames.map((kind) => ({ kind, member: `tls_client_auth_${kind}` as const }))

function certificateOf(metadata: ClientMetadata): ClientSettings['certificate'] {
  for (const { kind, member } of certificateMembers) {
    const value = metadata[member]
    if (value !== undefined) return { kind, value }
  }
  return undefined
}

/** Under which rules metadata are judged. */
export interface MetadataRules {
  readonly authMethod: AuthMethod
  readonly grantTypes: readonly string[]
  readonly hasKeys: boolean
  /** Whether redirects to this machine are fine for web clients too: in the file, and in development. */
  readonly loopbackRedirects: boolean
  /** Whether this machine itself can be asked over http: in development. */
  readonly loopbackRequests: boolean
}

/**
 * Whether metadata of the right shape fit together. Throws `invalid_redirect_uri` or `invalid_client_metadata` that names
 * the member. Spec: RFC 7591 section 2, OpenID Connect Registration section 2, RFC 8705 section 2.1.2.
 */
export function checkClientMetadata(metadata: ClientMetadata, rules: MetadataRules): void {
  if (metadata.client_name !== undefined && !isShowable(metadata.client_name)) throw bad('client_name: cannot be shown')
  for (const uri of metadata.redirect_uris ?? []) checkRegisteredRedirect(uri, metadata, rules)
  for (const uri of metadata.post_logout_redirect_uris ?? []) {
    const fault = checkRedirectUri(uri)
    if (fault) throw bad(`post_logout_redirect_uris: a URI ${fault}`)
  }
  const usesRedirects = rules.grantTypes.includes('authorization_code')
  if (usesRedirects && (metadata.redirect_uris ?? []).length === 0) {
    throw new GatehouseError('invalid_redirect_uri', {
      description: 'redirect_uris: at least one is needed for authorization_code',
    })
  }
  for (const type of metadata.response_types ?? []) {
    if (type !== 'code' && type !== 'code id_token') throw bad('response_types: code is supported')
    if (!usesRedirects) throw bad('response_types: code goes with the grant type authorization_code')
  }
  for (const member of httpsMembers) {
    const value = metadata[member]
    for (const uri of value === undefined ? [] : typeof value === 'string' ? [value] : value) {
      if (!isHttps(uri) && !(rules.loopbackRequests && isLoopbackHttp(uri)))
        throw bad(`${member}: an https URL is expected`)
    }
  }
  if (metadata.jwks_uri !== undefined && rules.hasKeys) throw bad('jwks and jwks_uri exclude each other')
  checkKeysAndCertificates(metadata, rules)
  if (
    metadata.backchannel_token_delivery_mode === 'ping' &&
    metadata.backchannel_client_notification_endpoint === undefined
  ) {
    throw bad('backchannel_client_notification_endpoint: needed for ping')
  }
}

function checkKeysAndCertificates(metadata: ClientMetadata, { authMethod, hasKeys }: MetadataRules): void {
  const hasAnyKeys = hasKeys || metadata.jwks_uri !== undefined
  if (authMethod === 'private_key_jwt' && !hasAnyKeys) throw bad('private_key_jwt needs jwks or jwks_uri')
  if (authMethod === 'self_signed_tls_client_auth' && !hasAnyKeys)
    throw bad('self_signed_tls_client_auth needs jwks or jwks_uri')
  const names = certificateMembers.filter(({ member }) => metadata[member] !== undefined)
  if (authMethod === 'tls_client_auth' && names.length !== 1)
    throw bad('tls_client_auth needs exactly one tls_client_auth_ member')
  if (metadata.request_object_signing_alg !== undefined && !hasAnyKeys)
    throw bad('request_object_signing_alg needs jwks or jwks_uri')
  for (const answer of ['id_token', 'userinfo', 'introspection', 'authorization'] as const) {
    const alg = metadata[`${answer}_encrypted_response_alg`]
    if (alg !== undefined && !hasAnyKeys) throw bad(`${answer}_encrypted_response_alg needs jwks or jwks_uri`)
    if (alg === undefined && metadata[`${answer}_encrypted_response_enc`] !== undefined) {
      throw bad(`${answer}_encrypted_response_enc needs ${answer}_encrypted_response_alg`)
    }
  }
}

/** Members whose URLs must be https: what is shown to people, and what is fetched or called. */
const httpsMembers = [
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'jwks_uri',
  'sector_identifier_uri',
  'request_uris',
  'backchannel_logout_uri',
  'frontchannel_logout_uri',
  'backchannel_client_notification_endpoint',
] as const

function checkRegisteredRedirect(uri: string, metadata: ClientMetadata, rules: MetadataRules): void {
  const fault = checkRedirectUri(uri)
  if (fault) throw new GatehouseError('invalid_redirect_uri', { description: `redirect_uris: a URI ${fault}` })
  if (isHttps(uri) || rules.loopbackRedirects) return
  if ((metadata.application_type ?? 'web') === 'web') {
    throw new GatehouseError('invalid_redirect_uri', {
      description:
        'redirect_uris: a web client needs https; other schemes and http on the machine itself are for application_type native',
    })
  }
}

const isHttps = (uri: string): boolean => URL.canParse(uri) && new URL(uri).protocol === 'https:'
const isLoopbackHttp = (uri: string): boolean => uri.startsWith('http:') && checkRedirectUri(uri) === undefined

const bad = (description: string): GatehouseError => new GatehouseError('invalid_client_metadata', { description })
