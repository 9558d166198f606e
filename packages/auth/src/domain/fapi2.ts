import { GatehouseError } from '@gatehouse/core/errors'
import type { AuthMethod, ClientMetadata } from './client-metadata.ts'
import type { ClientSettings } from './client-settings.ts'

/** Signature algorithms that the profile allows. Spec: FAPI 2.0 Security Profile section 5.4. */
export const fapi2Algorithms: ReadonlySet<string> = new Set(['PS256', 'ES256', 'EdDSA'])

const fapi2Methods: ReadonlySet<string> = new Set(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'])

/** Members that name an algorithm: RS256, which is the usual one otherwise, is none of the profile's. */
const algorithmMembers = [
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'introspection_signed_response_alg',
  'authorization_signed_response_alg',
  'request_object_signing_alg',
  'token_endpoint_auth_signing_alg',
] as const

/** What of a client can contradict the profile. */
interface CheckedClient {
  readonly authMethod: AuthMethod
  readonly grantTypes: readonly string[]
  readonly metadata: ClientMetadata
  readonly permissions: { readonly pkceOptional: boolean; readonly hybrid: boolean }
}

/**
 * Whether what is configured for a client of the profile can be reconciled with it. Throws `invalid_client_metadata` that
 * says what contradicts it. Spec: FAPI 2.0 Security Profile section 5.3.2.
 */
export function checkFapi2({ authMethod, grantTypes, metadata, permissions }: CheckedClient): void {
  const contradicts = (what: string): GatehouseError =>
    new GatehouseError('invalid_client_metadata', { description: `fapi2 contradicts ${what}` })
  if (!fapi2Methods.has(authMethod)) {
    throw contradicts(`${authMethod}: use private_key_jwt, tls_client_auth or self_signed_tls_client_auth`)
  }
  if (permissions.pkceOptional) throw contradicts('insecure.pkce_optional')
  if (permissions.hybrid) throw contradicts('insecure.hybrid')
  if (metadata.require_pushed_authorization_requests === false) {
    throw contradicts('require_pushed_authorization_requests: false')
  }
  if (metadata.dpop_bound_access_tokens === false && !metadata.tls_client_certificate_bound_access_tokens) {
    throw contradicts('tokens that are bound to nothing')
  }
  for (const member of algorithmMembers) {
    if (metadata[member] === 'RS256') throw contradicts(`${member}: RS256; use ES256 or EdDSA`)
  }
  if (grantTypes.length === 0) throw contradicts('a client without grant types')
}

/** What the profile switches on for a client that has it. */
export const applyFapi2 = <C extends ClientSettings & { readonly profile: 'fapi2' | undefined }>(client: C): C =>
  client.profile !== 'fapi2'
    ? client
    : {
        ...client,
        requirePushedRequests: true,
        dpopBound: !client.certificateBound,
        idToken: { ...client.idToken, alg: client.idToken.alg === 'RS256' ? 'ES256' : client.idToken.alg },
        authorizationResponse: {
          ...client.authorizationResponse,
          alg: client.authorizationResponse.alg === 'RS256' ? 'ES256' : client.authorizationResponse.alg,
        },
      }
