import type { ClientId, Seconds } from '@gatehouse/core/brand'

/** A client that was added at run time (those of the configuration file are never copied here). */
export interface ClientRow {
  readonly id: ClientId
  readonly name: string
  readonly status: 'active' | 'disabled'
  readonly auth_method: string
  readonly grant_types: string
  readonly scopes: string
  /** Audiences it may ask for, with one space between two. */
  readonly audiences: string
  readonly first_party: 0 | 1
  /** Public keys: a JWK set as JSON; null = none. */
  readonly jwks: string | null
  /** What it has registered of itself, by the names of RFC 7591, as JSON that has been checked. */
  readonly metadata: string
  /** 1 = it registered itself. */
  readonly is_dynamic: 0 | 1
  /** SHA-256 of its registration access token (RFC 7592); null = none. */
  readonly registration_token_hash: string | null
  /** The day of its last use, for those that registered themselves; null = never. */
  readonly used_at: Seconds | null
  readonly created_at: Seconds
  readonly updated_at: Seconds
}

/** One secret of a client; two may be valid at a time while one is being replaced. */
export interface ClientSecretRow {
  readonly id: string
  readonly client_id: ClientId
  /** SHA-256 of the secret, base64url. */
  readonly hash: string
  /** The secret itself, sealed, where it is the key of a MAC (client_secret_jwt); null otherwise. */
  readonly sealed: string | null
  readonly created_at: Seconds
  /** null = until it is replaced. */
  readonly expires_at: Seconds | null
}

/** A token by which clients may register themselves: its SHA-256, how often, and until when. */
export interface InitialAccessTokenRow {
  readonly hash: string
  readonly uses_left: number
  readonly created_at: Seconds
  readonly expires_at: Seconds
}
