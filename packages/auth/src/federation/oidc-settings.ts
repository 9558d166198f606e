import type { KeyObject } from 'node:crypto'
import type { ClientAuthentication } from './oauth-client-authentication.ts'

/** What is known of one OpenID provider. */
export interface OidcSettings {
  /** Exactly as its document and its ID tokens have it; the document is below it. */
  readonly issuer: string
  /** What the document calls itself where one address serves many issuers: with `{tenantid}` for the claim `tid` (Microsoft). */
  readonly issuerTemplate?: string | undefined
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** The only algorithm of ID tokens. Absent: those of the document that are known to be good. */
  readonly idTokenAlg?: string | undefined
  /** Opens ID tokens that the provider encrypts for us. */
  readonly decryptionKey?: KeyObject | undefined
  /** What is asked for; `openid` is among them. */
  readonly scopes: readonly string[]
  /** Further ones of the authorization request. */
  readonly authorizationParameters: Readonly<Record<string, string>>
  readonly responseMode: 'query' | 'form_post'
  /** Whether the userinfo endpoint is asked too, where there is one. */
  readonly userinfo: boolean
  /** Of which claims of the ID token the subject consists, joined by `:`. */
  readonly subjectClaims: readonly string[]
  /** What claims must be for somebody to be let in. */
  readonly claimRules: readonly ClaimRule[]
  /** Whether the name comes once, in a form field, beside the answer (Apple). */
  readonly nameInForm: boolean
  /** Whether the tokens for its own services are handed on; somebody can be asked about later only then. */
  readonly keepTokens: boolean
}

/** A claim that decides on who is let in. */
export interface ClaimRule {
  readonly claim: string
  /** It has one of these values. */
  readonly oneOf?: readonly string[] | undefined
  /** It has none of these values. */
  readonly noneOf?: readonly string[] | undefined
}

/**
 * Algorithms that ID tokens may have. `none` and the ones with a shared secret are not among them, whatever a document says.
 * Stops: tokens without a signature, and a public key used as a secret. Spec: RFC 8725 sections 3.1, 3.2.
 */
export const goodAlgs: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Parameters of a request that Gatehouse says itself, so that nobody can configure them away. */
export const ownParameters: ReadonlySet<string> = new Set([
  'response_type',
  'response_mode',
  'client_id',
  'client_secret',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
])
