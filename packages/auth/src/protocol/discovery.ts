import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { SigningKeys } from '../domain/signing-keys.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'

interface Dependencies {
  readonly issuer: string
  readonly keys: Pick<SigningKeys, 'jwks'>
  readonly grantTypes: readonly string[]
  /** Every scope that a route asks for. */
  readonly scopes: () => readonly string[]
}

const cacheControl = 'public, max-age=300'
const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const assertionAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256']

/**
 * The discovery documents and the key set. Spec: RFC 8414 section 2, OpenID Connect Discovery section 3, RFC 7517.
 * Both documents say the same: only what works.
 */
export function discoveryEndpoints({ issuer, keys, grantTypes, scopes }: Dependencies): readonly Endpoint[] {
  const metadata = () => ({
    issuer,
    token_endpoint: issuer + paths.token,
    introspection_endpoint: issuer + paths.introspect,
    revocation_endpoint: issuer + paths.revoke,
    jwks_uri: issuer + paths.jwks,
    scopes_supported: scopes(),
    response_types_supported: [],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: [...authMethods, 'none'],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: [...authMethods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
  })
  const document = (path: string, summary: string, spec: string, json: () => unknown): Endpoint =>
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
      handle: () => ({ status: 200, json: json() }),
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
