import type { Seconds, UserId } from '@gatehouse/core/brand'

/** A sign-in that has been begun at an outside provider and has not come back yet. */
export interface ProviderSignInRow {
  /** SHA-256 of `state`, base64url. */
  readonly state_hash: string
  /** The provider that it is for: what comes from another does not count. */
  readonly provider: string
  /** SHA-256 of the browser's cookie: no other browser goes on with it. */
  readonly browser_hash: string
  /** What it was begun for, and what the provider's kind remembers; sealed. */
  readonly sealed: string
  /** What came back by POST, sealed, until the browser fetches what comes of it; null = nothing yet. */
  readonly answer: string | null
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** That somebody at an outside provider is a user here. */
export interface LinkedIdentityRow {
  readonly provider: string
  /** By which the provider knows them. */
  readonly subject: string
  readonly user_id: UserId
  /** How they are called there, for people to tell one from the other. */
  readonly label: string
  /** Roles that the provider has brought, with one space between two. */
  readonly given_roles: string
  /** The organisation that it has brought them into, by id; null = none. */
  readonly given_organisation: string | null
  /** Whether it was by the provider that they came to belong to it: then they go by it too. */
  readonly gave_membership: 0 | 1
  /** Roles in that organisation that it has brought. */
  readonly given_organisation_roles: string
  readonly created_at: Seconds
  readonly last_used_at: Seconds
}

/** What sessions rest on that an outside provider has vouched for. */
export interface ProviderSessionRow {
  readonly id: string
  readonly provider: string
  readonly subject: string
  /** How the provider calls the session there; null = it does not say. */
  readonly sid: string | null
  /** What signing out there needs, sealed; null = nothing. */
  readonly sealed: string | null
  /** When the provider was last asked. */
  readonly checked_at: Seconds
  /** When it last said that they may sign in; null = when it was last asked. */
  readonly heard_at: Seconds | null
  readonly expires_at: Seconds
}

/** Tokens that an outside provider gave for one user. */
export interface ProviderTokenRow {
  readonly provider: string
  readonly subject: string
  readonly user_id: UserId
  readonly sealed: string
  /** Random, and another with each change. */
  readonly version: string
  readonly updated_at: Seconds
}
