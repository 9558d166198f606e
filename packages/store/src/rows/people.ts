import type { OrganisationId, Seconds, UserId } from '@gatehouse/core/brand'

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
  /** As the person writes it; null = none. */
  readonly email: string | null
  /** As it is compared: nobody else has the same. */
  readonly email_canonical: string | null
  /** null = nobody has shown that it is this person's. */
  readonly email_verified_at: Seconds | null
  /** What the person wants to be called; null = the user name. */
  readonly name: string | null
  /** The language of pages and mails; null = the browser's. */
  readonly locale: string | null
  readonly created_at: Seconds
  readonly updated_at: Seconds
}

/** Something beside the password by which a user can prove who they are. */
export interface FactorRow {
  readonly id: string
  readonly user_id: UserId
  readonly kind: 'totp' | 'passkey'
  /** What the user calls it. */
  readonly name: string
  /** totp: the shared secret, sealed; null otherwise. */
  readonly sealed_secret: string | null
  /** passkey: base64url; null otherwise. Nobody else has the same. */
  readonly credential_id: string | null
  /** passkey: the COSE key, base64url; null otherwise. */
  readonly public_key: string | null
  readonly sign_count: number
  /** passkey: with one space between two. */
  readonly transports: string
  /** passkey: whether it is kept in more than one place. */
  readonly backed_up: 0 | 1
  /** totp: the last time step of which a code was used; null = none. */
  readonly last_step: number | null
  readonly created_at: Seconds
  readonly last_used_at: Seconds | null
}

/** A code that stands in for a second factor, once. */
export interface RecoveryCodeRow {
  readonly user_id: UserId
  /** SHA-256 of the code, base64url. */
  readonly hash: string
  readonly created_at: Seconds
}

/** A browser that need not show a second factor for a while. */
export interface RememberedDeviceRow {
  /** SHA-256 of its cookie, base64url. */
  readonly hash: string
  readonly user_id: UserId
  readonly device: string
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** An address from which an account has signed in before. */
export interface FamiliarAddressRow {
  readonly user_id: UserId
  readonly address: string
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

/** A customer, a team, a company: people who belong together and act in its name. */
export interface OrganisationRow {
  readonly id: OrganisationId
  readonly name: string
  /** Its name in requests and addresses: one per organisation. */
  readonly slug: string
  readonly status: 'active' | 'disabled'
  readonly created_at: Seconds
}

/** That a user belongs to an organisation, and as what. */
export interface MembershipRow {
  readonly organisation_id: OrganisationId
  readonly user_id: UserId
  /** Role names in this organisation, with one space between two. */
  readonly roles: string
  /** Random, and another after each change: what was prepared before a change counts no longer. */
  readonly version: string
  readonly created_at: Seconds
}

/** An invitation that waits for its answer: one for each organisation and address. */
export interface OrganisationInvitationRow {
  readonly organisation_id: OrganisationId
  /** The e-mail address as it is compared. */
  readonly email: string
  /** SHA-256 of the token in the mailed link, base64url. */
  readonly hash: string
  readonly roles: string
  /** A user, or who administers Gatehouse. */
  readonly invited_by: string
  readonly created_at: Seconds
  readonly expires_at: Seconds
}
