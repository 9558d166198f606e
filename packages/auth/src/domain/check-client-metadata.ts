import { GatehouseError } from '@gatehouse/core/errors'
import { checkRedirectUri } from '@gatehouse/core/redirect-uri'
import { type AuthMethod, type ClientMetadata, macAlgorithms } from './client-metadata.ts'
import { certificateMembers, isHttps } from './client-settings.ts'
import { isShowable } from './shown-text.ts'

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
  if (usesRedirects && metadata.response_types?.length === 0) {
    throw bad('response_types: at least one is needed for authorization_code')
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
  const { token_endpoint_auth_signing_alg: assertionAlg } = metadata
  const isMac = macAlgorithms.some((alg) => alg === assertionAlg)
  if (assertionAlg !== undefined && authMethod === (isMac ? 'private_key_jwt' : 'client_secret_jwt'))
    throw bad(`token_endpoint_auth_signing_alg: ${assertionAlg} is none of ${authMethod}`)
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

const isLoopbackHttp = (uri: string): boolean => uri.startsWith('http:') && checkRedirectUri(uri) === undefined

const bad = (description: string): GatehouseError => new GatehouseError('invalid_client_metadata', { description })
