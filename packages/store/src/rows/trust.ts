import type { Seconds } from '@gatehouse/core/brand'
import type { RevocationKind } from '@gatehouse/core/contracts'

/** A signing key. Its state follows from the times. */
export interface SigningKeyRow {
  readonly kid: string
  readonly alg: 'ES256' | 'RS256' | 'EdDSA'
  /** The public JWK as JSON. */
  readonly public_jwk: string
  /** The private key (PKCS #8 DER) sealed under the ring `signing-key`. */
  readonly sealed_private_key: string
  readonly created_at: Seconds
  /** From then on it signs; before that it is only published. */
  readonly signs_from: Seconds
  /** From then on it signs no more; null = not replaced yet. */
  readonly signs_until: Seconds | null
  /** From then on it is not published: every token that it signed has expired. */
  readonly expires_at: Seconds | null
}

/** A data key of a ring, wrapped by the master key. */
export interface DataKeyRow {
  readonly id: string
  readonly purpose: string
  readonly wrapped_key: string
  readonly created_at: Seconds
}

/** See core/contracts `Revocation`. */
export interface RevocationRow {
  readonly seq: number
  readonly kind: RevocationKind
  readonly value: string
  readonly issued_before: Seconds | null
  readonly expires_at: Seconds
}

/** Something that happened and must be found again. */
export interface AuditEventRow {
  readonly id: number
  /** Of the first occurrence. */
  readonly at: Seconds
  readonly type: string
  /** `ok`, or why not. */
  readonly result: string
  /** Who did it: a user id, a client id, `cli:<system user>` or null for a stranger. */
  readonly actor: string | null
  /** To whom or what: a user id, client id, session id, kid; null where unknown. */
  readonly target: string | null
  readonly client_id: string | null
  readonly session_id: string | null
  readonly address: string | null
  readonly request_id: string | null
  /** Further facts as a JSON object. */
  readonly detail: string
  /** How often within its fold. */
  readonly count: number
  /** Events with one fold key are one row; null = never folded. */
  readonly fold_key: string | null
}

/** An identifier that may be used once: a client assertion's jti and the like. */
export interface UsedIdentifierRow {
  /** What sort of identifier, such as `client_assertion`. */
  readonly kind: string
  /** SHA-256 over issuer and identifier, base64url. */
  readonly hash: string
  readonly expires_at: Seconds
}

/** A one-time token for creating the first administrator: its SHA-256, and until when. */
export interface SetupTokenRow {
  readonly hash: string
  readonly expires_at: Seconds
}
