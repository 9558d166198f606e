import type { Seconds } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import {
  type AnswerAlgorithm,
  type AssertionAlgorithm,
  type ClientMetadata,
  certificateNames,
  type contentEncryptions,
  type keyAlgorithms,
  type RequestAlgorithm,
  type ResponseMode,
} from './client-metadata.ts'

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
  /** undefined = any that its keys or its secret are good for. */
  readonly assertionAlg: AssertionAlgorithm | undefined
  readonly requestObjectAlg: RequestAlgorithm | undefined
  readonly requestUris: readonly string[]
  readonly requireSignedRequestObject: boolean
  readonly requirePushedRequests: boolean
  readonly dpopBound: boolean
  readonly certificateBound: boolean
  /** For tls_client_auth: what the certificate must say. */
  readonly certificate: { readonly kind: (typeof certificateNames)[number]; readonly value: string } | undefined
  readonly defaultMaxAge: Seconds | undefined
  /** Classes of sign-in of which one is asked for where a request does not say. */
  readonly defaultAcrValues: readonly string[] | undefined
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
    assertionAlg: metadata.token_endpoint_auth_signing_alg,
    requestObjectAlg: metadata.request_object_signing_alg,
    requestUris: metadata.request_uris ?? [],
    requireSignedRequestObject: metadata.require_signed_request_object ?? false,
    requirePushedRequests: metadata.require_pushed_authorization_requests ?? false,
    dpopBound: metadata.dpop_bound_access_tokens ?? false,
    certificateBound: metadata.tls_client_certificate_bound_access_tokens ?? false,
    certificate: certificateOf(metadata),
    defaultAcrValues: metadata.default_acr_values,
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

/** The members of metadata that name a certificate's owner. */
export const certificateMembers = certificateNames.map((kind) => ({ kind, member: `tls_client_auth_${kind}` as const }))

function certificateOf(metadata: ClientMetadata): ClientSettings['certificate'] {
  for (const { kind, member } of certificateMembers) {
    const value = metadata[member]
    if (value !== undefined) return { kind, value }
  }
  return undefined
}

/** Whether a text is an https URL. */
export const isHttps = (uri: string): boolean => URL.canParse(uri) && new URL(uri).protocol === 'https:'
