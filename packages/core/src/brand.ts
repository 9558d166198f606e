/** A type that is its base at run time and cannot be mixed up with another brand at compile time. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name }

/** A user's id: `usr_` and 22 characters of base64url. Never an e-mail address, never reassigned. */
export type UserId = Brand<string, 'UserId'>
/** A client's id as in OAuth. Never begins with `usr_` (RFC 9700 section 4.15). */
export type ClientId = Brand<string, 'ClientId'>
/** The random public id of a session, as in the `sid` claim. Not a cookie's value and not its hash. */
export type SessionId = Brand<string, 'SessionId'>
/** The random public id of a grant, as in the `gid` claim. */
export type GrantId = Brand<string, 'GrantId'>
/** An organisation's id: `org_` and 22 characters of base64url. */
export type OrganisationId = Brand<string, 'OrganisationId'>
/** Whole seconds: since 1970 UTC when it is a moment, a length of time otherwise. */
export type Seconds = Brand<number, 'Seconds'>
