import * as Type from 'typebox'
import { oneFactor, twoFactors } from './acr.ts'

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

/** MACs that assertions of clients can have under their secret. Spec: RFC 7518 section 3.2. */
export const macAlgorithms = ['HS256', 'HS384', 'HS512'] as const
/** Algorithms that assertions of clients can have: signatures, and MACs. */
export const assertionAlgorithms = [...requestAlgorithms, ...macAlgorithms] as const
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number]

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
  token_endpoint_auth_signing_alg: Type.Optional(
    oneOf(assertionAlgorithms, { description: 'The one algorithm of its client assertions' }),
  ),
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
  default_acr_values: Type.Optional(
    Type.Array(oneOf([oneFactor, twoFactors], {}), {
      maxItems: 2,
      description: 'How strong a sign-in must be where the app does not say: `2` asks for a second factor',
      expected: "a list of acr values, such as ['2']",
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
