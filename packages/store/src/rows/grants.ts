import type { ClientId, GrantId, OrganisationId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'

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
  /** When its browser last asked for something, to the minute; null = not since it began. */
  readonly used_at: Seconds | null
  /** When its strongest factor was last shown; null = when it began. */
  readonly proven_at: Seconds | null
  /** The organisation that its user has picked; null = none. */
  readonly organisation_id: OrganisationId | null
  /** The session at an outside provider that it rests on, by id; null = none. */
  readonly provider_session: string | null
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
  /**
   * Names of the roles that the user has, everywhere and in the grant's organisation, with one space between two: kept here
   * so that a refresh reads one row.
   */
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
  /** When `generation` last rose, by the clock of `grants.sinceRotation`; `created_at` before that. */
  readonly rotated_at: Seconds
  /** Unused until then, the grant is over. */
  readonly idle_expires_at: Seconds
  /** The grant is over then, however often it is refreshed. */
  readonly expires_at: Seconds
  /** The greatest `exp` of any access token that was ever issued under it. */
  readonly access_expires_at: Seconds
  /** 1 = each refresh brings the next generation; 0 = the one refresh token stays (FAPI 2.0 section 5.3.2.1). */
  readonly rotates: 0 | 1
  /** What its tokens are bound to: a `cnf` claim as JSON; null = nothing. */
  readonly confirmation: string | null
  /** The claims that were asked for by name (OpenID Connect Core section 5.5), as JSON; null = none. */
  readonly claims: string | null
  /** What was granted of RFC 9396, as JSON; null = nothing. */
  readonly authorization_details: string | null
  /** What of `scope` the user has by roles alone: it stands only as long as the roles bring it. */
  readonly role_scope: string
  /** The organisation in whose name it was granted; null = none. */
  readonly organisation_id: OrganisationId | null
  /**
   * When the second factor was shown that `acr` and `amr` tell of; null = none was, or as long ago as `auth_time`; 0 = it counts
   * no longer, since the grant was not used for a while.
   */
  readonly factor_at: Seconds | null
}

/** A code that is on its way from the authorization endpoint to the token endpoint, or has been used. */
export interface AuthorizationCodeRow {
  /** SHA-256 of the code, base64url. */
  readonly hash: string
  readonly client_id: ClientId
  readonly user_id: UserId
  readonly session_id: SessionId
  /** When the session ends, and the grant with it. */
  readonly session_expires_at: Seconds
  /** The grant that using it starts: known beforehand, so that a second use can end it. */
  readonly grant_id: GrantId
  readonly redirect_uri: string
  /** S256; null only where the client may do without. */
  readonly code_challenge: string | null
  readonly nonce: string | null
  readonly scope: string
  /** Audiences with one space between two. */
  readonly audience: string
  readonly roles: string
  readonly claims: string | null
  readonly authorization_details: string | null
  /** The thumbprint of the DPoP key that alone may use it (RFC 9449 section 10); null = any. */
  readonly dpop_jkt: string | null
  readonly auth_time: Seconds
  readonly acr: string
  readonly amr: string
  /** Whether a refresh token goes with it. */
  readonly refreshable: 0 | 1
  readonly created_at: Seconds
  readonly usable_until: Seconds
  /** null = not used yet. */
  readonly consumed_at: Seconds | null
  /** null = not presented a second time. */
  readonly reused_at: Seconds | null
  /** Kept until then to recognize a second use: the tokens of the first one live no longer. */
  readonly expires_at: Seconds
  /** As in the grant. */
  readonly role_scope: string
  readonly organisation_id: OrganisationId | null
  /** The version of the membership that it rests on; null where it is for no organisation. */
  readonly membership_version: string | null
  /** As in the grant. */
  readonly factor_at: Seconds | null
}

/** Something that a person is in the middle of in one browser tab: it survives signing in. */
export interface FlowRow {
  /** SHA-256 of the id that stands in the page's address. */
  readonly id_hash: string
  readonly kind: 'authorize' | 'sign_in' | 'device' | 'logout' | 'mfa' | 'account' | 'join' | 'passkey'
  /** SHA-256 of the browser's cookie: no other browser goes on with it. */
  readonly browser_hash: string
  readonly client_id: ClientId | null
  /** What was asked for, as JSON that has been checked. */
  readonly parameters: string
  /** Who has proven something in it, but not enough for a session; null = nobody. It opens nothing. */
  readonly user_id: UserId | null
  /** Methods that have been proven so far, with one space between two. */
  readonly proven: string
  /** The session at an outside provider that says so, by id; null = none. */
  readonly provider_session: string | null
  /** The session that was started or confirmed for it; null = nobody has signed in for it yet. */
  readonly session_id: SessionId | null
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** An authorization request that a client has pushed (RFC 9126). */
export interface PushedRequestRow {
  /** SHA-256 of the random part of its urn. */
  readonly hash: string
  readonly client_id: ClientId
  readonly parameters: string
  readonly dpop_jkt: string | null
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** What a user has agreed to for a client. */
export interface ConsentRow {
  readonly user_id: UserId
  readonly client_id: ClientId
  /** In whose name: it covers no other; null = the user's own, and no organisation's. */
  readonly organisation_id: OrganisationId | null
  readonly scope: string
  /** Audiences with one space between two. */
  readonly audience: string
  /** As JSON; null = none. */
  readonly authorization_details: string | null
  readonly granted_at: Seconds
}

/** A client that has been told of a session, and hears when it ends. */
export interface SessionClientRow {
  readonly session_id: SessionId
  readonly client_id: ClientId
  /** The `sub` that this client knows the user by. */
  readonly subject: string
  /** The `sid` that this client knows the session by. */
  readonly sid: string
  readonly expires_at: Seconds
}

/** A request that a user decides on at another place than where it was made: device flow (RFC 8628) and CIBA. */
export interface DecoupledRequestRow {
  /** SHA-256 of the device_code or auth_req_id. */
  readonly hash: string
  readonly kind: 'device' | 'ciba'
  /** SHA-256 of the user code; null for CIBA. */
  readonly user_code_hash: string | null
  readonly client_id: ClientId
  /** Whom it is addressed to, or who has decided; null = nobody yet. */
  readonly user_id: UserId | null
  readonly scope: string
  readonly audience: string
  readonly authorization_details: string | null
  readonly binding_message: string | null
  readonly status: 'pending' | 'approved' | 'denied' | 'consumed'
  /** Of the session in which it was approved. */
  readonly session_id: SessionId | null
  readonly auth_time: Seconds | null
  readonly acr: string | null
  readonly amr: string | null
  readonly roles: string | null
  /** The grant that approving it leads to. */
  readonly grant_id: GrantId
  /** CIBA ping: the client's bearer token, sealed; null = none. */
  readonly sealed_notification_token: string | null
  /** Seconds to wait between two polls; rises with each that comes too early. */
  readonly poll_interval: number
  readonly polled_at: Seconds | null
  readonly address: string
  readonly created_at: Seconds
  readonly usable_until: Seconds
  readonly expires_at: Seconds
  /** As in the grant, from the decision on. */
  readonly role_scope: string
  readonly organisation_id: OrganisationId | null
  /** The version of the membership that the decision rests on; null where it is for no organisation. */
  readonly membership_version: string | null
  /** As in the grant, from the decision on. */
  readonly factor_at: Seconds | null
}
