import type { ClientId, GrantId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import type { RevocationKind } from '@gatehouse/core/contracts'

/** A person who can sign in. */
export interface UserRow {
  readonly id: UserId
  /** As the person writes it. */
  readonly username: string
  /** As it is compared: one per user. */
  readonly username_canonical: string
  /** A PHC string, or one of the imported formats; null = no password. */
  readonly password_hash: string | null
  readonly status: 'active' | 'disabled'
  /** What the user may be granted: a scope parameter. */
  readonly scopes: string
  /** Role names with one space between two. */
  readonly roles: string
  readonly created_at: Seconds
  readonly updated_at: Seconds
}

/** A sign-in that lasts. Ended sessions are deleted; what must be remembered of them stands in `revocations`. */
export interface SessionRow {
  readonly id: SessionId
  /** SHA-256 of the cookie's value; null where no cookie was handed out. */
  readonly cookie_hash: string | null
  readonly user_id: UserId
  /** Methods of authentication (RFC 8176) with one space between two. */
  readonly amr: string
  readonly acr: string
  readonly auth_time: Seconds
  readonly address: string
  readonly device: string
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** A client's standing right to refresh: one row however often it refreshes. Ended grants are deleted. */
export interface GrantRow {
  readonly id: GrantId
  readonly session_id: SessionId
  readonly user_id: UserId
  readonly client_id: ClientId
  /** The granted scope parameter. */
  readonly scope: string
  readonly audience: string
  /** Role names that tokens of this grant carry, with one space between two: kept here so that a refresh reads one row. */
  readonly roles: string
  /** Of the session's sign-in, kept here for the same reason. */
  readonly auth_time: Seconds
  readonly acr: string
  readonly amr: string
  /** 16 random bytes, base64url, that go into the refresh token's MAC. */
  readonly salt: string
  /** Which key of the ring `refresh-token` makes the MAC. */
  readonly key_id: string
  /** The generation that is current: the one refresh token that may be used. */
  readonly generation: number
  readonly created_at: Seconds
  /** When `generation` last rose; `created_at` before that. */
  readonly rotated_at: Seconds
  /** Unused until then, the grant is over. */
  readonly idle_expires_at: Seconds
  /** The grant is over then, however often it is refreshed. */
  readonly expires_at: Seconds
  /** The greatest `exp` of any access token that was ever issued under it. */
  readonly access_expires_at: Seconds
}

/** A client that was added at run time (those of the configuration file are never copied here). */
export interface ClientRow {
  readonly id: ClientId
  readonly name: string
  readonly status: 'active' | 'disabled'
  readonly auth_method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'
  readonly grant_types: string
  readonly scopes: string
  /** Audiences it may ask for, with one space between two. */
  readonly audiences: string
  readonly first_party: 0 | 1
  /** Public keys for private_key_jwt: a JWK set as JSON; null = none. */
  readonly jwks: string | null
  readonly created_at: Seconds
  readonly updated_at: Seconds
}

/** One secret of a client; two may be valid at a time while one is being replaced. */
export interface ClientSecretRow {
  readonly id: string
  readonly client_id: ClientId
  /** SHA-256 of the secret, base64url. */
  readonly hash: string
  readonly created_at: Seconds
  /** null = until it is replaced. */
  readonly expires_at: Seconds | null
}

/** A signing key. Its state follows from the times. */
export interface SigningKeyRow {
  readonly kid: string
  readonly alg: 'ES256'
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

/** Failures counted against one key: an account, an address, an account from an address, everybody. */
export interface SignInFailureRow {
  readonly key: string
  readonly count: number
  readonly first_at: Seconds
  readonly last_at: Seconds
  readonly expires_at: Seconds
}

/** An address from which an account has signed in before. */
export interface FamiliarAddressRow {
  readonly user_id: UserId
  readonly address: string
  readonly expires_at: Seconds
}

/** A one-time token for creating the first administrator: its SHA-256, and until when. */
export interface SetupTokenRow {
  readonly hash: string
  readonly expires_at: Seconds
}
