import { paths } from '@gatehouse/core/paths'
import { dpopAlgorithms } from '@gatehouse/guard/dpop'
import * as Type from 'typebox'
import { acrValues } from '../domain/acr.ts'
import {
  answerAlgorithms,
  assertionAlgorithms,
  authMethods,
  contentEncryptions,
  keyAlgorithms,
  requestAlgorithms,
  responseModes,
} from '../domain/client-metadata.ts'
import type { SigningKeys } from '../domain/signing-keys.ts'
import { openidScopes, userClaimNames, withoutOrganisations } from '../domain/user-claims.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { locales } from '../messages/messages.ts'

interface Dependencies {
  readonly issuer: string
  readonly keys: Pick<SigningKeys, 'jwks'>
  readonly grantTypes: readonly string[]
  /** Every scope that a route asks for. */
  readonly scopes: () => readonly string[]
  /** Whether any client may use the hybrid flow. */
  readonly isHybridAllowed: () => boolean
  /** Whether there are organisations for which people can act. */
  readonly hasOrganisations: () => boolean
  /** Types of authorization_details that are configured. */
  readonly detailTypes: () => readonly string[]
  /** Whether clients may register themselves, and whether their ids may be addresses of documents. */
  readonly registration: () => { readonly isOpen: boolean; readonly documents: boolean }
  /** Whether every client must push its requests. */
  readonly requiresPushed: () => boolean
  /** Whether client certificates can reach Gatehouse: by its own listener, or by a trusted proxy. */
  readonly seesCertificates: boolean
}

const cacheControl = 'public, max-age=300'

/** How clients prove themselves at an endpoint. */
const authenticationAt = (endpoint: string, methods: readonly string[]) => ({
  [`${endpoint}_endpoint_auth_methods_supported`]: methods,
  [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: assertionAlgorithms,
})

/** Answers to clients that can be signed, and encrypted. */
const answersSignedAs = (answer: string) => ({
  [`${answer}_signing_alg_values_supported`]: answerAlgorithms,
  [`${answer}_encryption_alg_values_supported`]: keyAlgorithms,
  [`${answer}_encryption_enc_values_supported`]: contentEncryptions,
})

/** What depends on whether client certificates are seen. Spec: RFC 8705 section 3.3. */
function clientAuthentication(seesCertificates: boolean) {
  const methods = authMethods.filter((method) => seesCertificates || !method.endsWith('tls_client_auth'))
  const confidential = methods.filter((method) => method !== 'none')
  return {
    ...authenticationAt('token', methods),
    ...authenticationAt('introspection', confidential),
    ...authenticationAt('revocation', methods),
    tls_client_certificate_bound_access_tokens: seesCertificates,
  }
}

/** What holds wherever Gatehouse runs. */
const capabilities = {
  response_modes_supported: responseModes,
  subject_types_supported: ['public', 'pairwise'],
  ...answersSignedAs('id_token'),
  ...answersSignedAs('userinfo'),
  ...answersSignedAs('introspection'),
  ...answersSignedAs('authorization'),
  request_object_signing_alg_values_supported: requestAlgorithms,
  code_challenge_methods_supported: ['S256'],
  dpop_signing_alg_values_supported: dpopAlgorithms,
  authorization_response_iss_parameter_supported: true,
  request_parameter_supported: true,
  request_uri_parameter_supported: true,
  require_request_uri_registration: true,
  claims_parameter_supported: true,
  claim_types_supported: ['normal'],
  prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  acr_values_supported: acrValues,
  ui_locales_supported: locales,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
  frontchannel_logout_supported: true,
  frontchannel_logout_session_supported: true,
  backchannel_token_delivery_modes_supported: ['poll', 'ping'],
  backchannel_user_code_parameter_supported: false,
}

/**
 * The discovery documents and the key set. Spec: RFC 8414 section 2, OpenID Connect Discovery section 3, RFC 7517.
 * Both documents say the same: only what works.
 */
export function discoveryEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const { issuer, keys, grantTypes, scopes, detailTypes, registration, isHybridAllowed, hasOrganisations } =
    dependencies
  const authentication = clientAuthentication(dependencies.seesCertificates)
  const told = () => (hasOrganisations() ? { scopes: openidScopes, claims: userClaimNames } : withoutOrganisations)
  const build = () => ({
    issuer,
    authorization_endpoint: issuer + paths.authorize,
    token_endpoint: issuer + paths.token,
    userinfo_endpoint: issuer + paths.userinfo,
    jwks_uri: issuer + paths.jwks,
    pushed_authorization_request_endpoint: issuer + paths.pushedRequest,
    require_pushed_authorization_requests: dependencies.requiresPushed(),
    introspection_endpoint: issuer + paths.introspect,
    revocation_endpoint: issuer + paths.revoke,
    revocation_feed_endpoint: issuer + paths.revocationFeed,
    device_authorization_endpoint: issuer + paths.deviceAuthorization,
    backchannel_authentication_endpoint: issuer + paths.backchannelAuthentication,
    end_session_endpoint: issuer + paths.endSession,
    ...(registration().isOpen ? { registration_endpoint: issuer + paths.registration } : {}),
    ...(registration().documents ? { client_id_metadata_document_supported: true } : {}),
    scopes_supported: [...new Set([...told().scopes, ...scopes()])],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'sid', ...told().claims],
    response_types_supported: isHybridAllowed() ? ['code', 'code id_token'] : ['code'],
    grant_types_supported: grantTypes,
    ...(detailTypes().length > 0 ? { authorization_details_types_supported: detailTypes() } : {}),
    ...authentication,
    ...capabilities,
  })
  // Everything that it says changes with a reload, which brings a new list of scopes.
  const built = new WeakMap<readonly string[], object>()
  const metadata = (): object => {
    const document = built.get(scopes()) ?? build()
    built.set(scopes(), document)
    return document
  }
  // Written once for as long as it says the same.
  const texts = new WeakMap<object, string>()
  const textOf = (value: object): string => {
    const text = texts.get(value) ?? JSON.stringify(value)
    texts.set(value, text)
    return text
  }
  const document = (path: string, summary: string, spec: string, json: () => object): Endpoint =>
    defineEndpoint({
      method: 'GET',
      path,
      summary,
      spec,
      bodyKind: 'none',
      answers: { 200: Type.Object({}) },
      errors: [],
      cors: 'any',
      cacheControl,
      handle: () => ({ status: 200, text: textOf(json()) }),
    })
  return [
    document(paths.authorizationServer, 'Says what this authorization server does', 'RFC 8414', metadata),
    document(
      paths.openidConfiguration,
      'The same document at the path that OpenID clients look at',
      'OpenID Connect Discovery 1.0',
      metadata,
    ),
    document(paths.jwks, 'The public keys that verify tokens', 'RFC 7517 section 5', () => keys.jwks()),
  ]
}
