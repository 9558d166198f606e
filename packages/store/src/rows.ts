import type { ClientId, GrantId, OrganisationId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
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
  /** When `generation` last rose; `created_at` before that. */
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

/** A logout token that still has to reach a client (OpenID Connect Back-Channel Logout). */
export interface LogoutDeliveryRow {
  readonly id: string
  readonly client_id: ClientId
  readonly subject: string
  readonly sid: string
  readonly attempts: number
  readonly next_attempt_at: Seconds
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** Something that is sent to a person: a mail, or what another channel carries. */
export interface MailRow {
  readonly id: string
  /** How it goes: by mail, by the webhook, or nowhere (what a stranger asked for whom nobody knows). */
  readonly channel: 'mail' | 'webhook' | 'nowhere'
  /** What it tells. */
  readonly kind: string
  /** Whom it is about; null = somebody without an account. */
  readonly user_id: UserId | null
  /** Recipient and content, sealed: mails carry links and codes. */
  readonly sealed: string
  readonly attempts: number
  readonly next_attempt_at: Seconds
  readonly created_at: Seconds
  /** Kept after that in development alone. */
  readonly delivered_at: Seconds | null
  /** Not delivered until then, it is given up. */
  readonly expires_at: Seconds
}

/** What a person has been mailed, and who brings it back has read that mail: a link or a code. */
export interface MailedProofRow {
  /** SHA-256 of the link's token; of a code, of what the one who asked for it holds. */
  readonly hash: string
  readonly purpose: 'sign_up' | 'invitation' | 'change_email' | 'recovery' | 'sign_in_link' | 'sign_in_code'
  /** The address that it proves, as it is compared; where somebody unknown asked, what they called themselves. */
  readonly address: string
  /** Whose it is; null = somebody without an account. */
  readonly user_id: UserId | null
  /** A MAC of the code; null = a link. */
  readonly code_mac: string | null
  /** SHA-256 of the asking browser's cookie; null = no browser asked. */
  readonly browser_hash: string | null
  /** What it leads to, sealed; null = nothing but what the purpose says. */
  readonly sealed: string | null
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** A token by which clients may register themselves: its SHA-256, how often, and until when. */
export interface InitialAccessTokenRow {
  readonly hash: string
  readonly uses_left: number
  readonly created_at: Seconds
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
