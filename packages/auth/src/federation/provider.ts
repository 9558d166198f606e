import type { Seconds } from '@gatehouse/core/brand'
import type { JsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import type { Outbound } from '../outbound/outbound.ts'

/** What every kind is built with, beside settings of its own. */
export interface ProviderParts {
  /** Under which it is configured: part of addresses. */
  readonly name: string
  /** Our issuer, which is our name at providers where they have no other for us. */
  readonly issuer: string
  readonly clock: Clock
  /** The one way out over HTTP; where the provider may be on a private network, this one may go there. */
  readonly outbound: Pick<Outbound, 'fetch'>
}

/**
 * A configured provider. A kind has the doors that it can have; those that it has not are absent. Every door throws
 * {@link ProviderFailure} (federation/provider-failure) and nothing else, within ten seconds.
 */
export interface Provider {
  /** People are sent there and come back. */
  readonly redirect?: RedirectDoors
  /** Names and passwords are checked there. */
  readonly check?: CheckDoor
  /**
   * What the provider says of somebody by now, whom it has told of before; undefined = it knows them no more, or they may not
   * sign in. Absent: it cannot be asked.
   */
  readonly refresh?: (known: KnownIdentity) => Promise<OutsideIdentity | undefined>
  /** Its word that somebody has signed out. */
  readonly receiveLogout?: LogoutDoor
  /** Where a browser is sent to sign out there too; undefined where that session cannot be ended there. */
  readonly signOut?: (leaving: Leaving) => Promise<Going | undefined>
  /** What the provider has to be told about us, as a document: SAML's metadata, or our keys for it. */
  readonly describe?: () => Promise<Description>
  /** Looks at what can be seen without signing in, for `gatehouse provider test`: one finding after the other. */
  examine(): AsyncIterable<Finding>
  /** Ends connections and threads. */
  close(): void | Promise<void>
}

/** The two doors of a provider that people are sent to. */
export interface RedirectDoors {
  /** Cost: no request where what has to be known of the provider is known. */
  start(begin: BeginningSignIn): Promise<StartedSignIn>
  /** Judges what came back; all of it has been brought by a browser. */
  finish(answer: ProviderAnswer): Promise<OutsideIdentity>
  /** It cannot be told whether somebody has proven anew who they are: `start` refuses to be `fresh`. */
  readonly neverFresh?: true
}

/** Somebody is about to be sent to a provider. */
export interface BeginningSignIn {
  /** Where they come back to; one per provider (RFC 9700 section 4.4). */
  readonly callback: string
  /** 43 characters of base64url; comes back as `state` or RelayState. */
  readonly state: string
  /** What they have said who they are. */
  readonly loginHint?: string | undefined
  /** Whether they have to prove anew who they are. */
  readonly fresh: boolean
  /** Whether who has not done so comes in all the same, as long ago as the provider says. */
  readonly mayBeOld?: boolean
  /** Languages that they read, best first. */
  readonly locales: readonly string[]
}

/** Where to send a browser: by an address, or by a form that is posted. */
export type Going =
  | { readonly url: string }
  | { readonly form: { readonly action: string; readonly fields: Readonly<Record<string, string>> } }

/** A sign-in that is under way. */
export interface StartedSignIn {
  readonly go: Going
  /** What `finish` has to know: nonce, PKCE verifier, request id. Sealed in our store, and never in the browser. */
  readonly memory: JsonObject
}

/**
 * What a browser brought back. That it belongs to a sign-in of this browser at this provider, and has not been brought before,
 * has been checked.
 */
export interface ProviderAnswer {
  readonly callback: string
  readonly state: string
  /** Query or form, each name once. */
  readonly parameters: URLSearchParams
  readonly binding: 'query' | 'form'
  readonly memory: JsonObject
}

/**
 * Somebody types a name and a password. undefined = it is not their password, nobody has that name, or the name cannot be
 * asked for: callers tell strangers none from the other. The password is never empty.
 */
export type CheckDoor = (credentials: Credentials) => Promise<OutsideIdentity | WrongPassword | undefined>

/** It is not the password of the one whom the name leads to: for counting, since several names may lead to them. */
export interface WrongPassword {
  readonly wrongFor: string
}

/** As somebody typed them. */
export interface Credentials {
  readonly username: string
  readonly password: string
  /** Of the browser or program. */
  readonly address: string
}

/** What a provider says of somebody, all of it verified to be its word. */
export interface OutsideIdentity {
  /** By which the provider knows them and nobody else, ever: 1 to 255 characters. Never a name or an address that can change. */
  readonly subject: string
  /** What it says besides, for the mapping. Arrays and texts, numbers, booleans, objects; no `__proto__`. */
  readonly claims: JsonObject
  /** When they last proved it there, if it says so. */
  readonly authTime?: Seconds | undefined
  /** By what they have proven it there, in words of RFC 8176, if it says so. */
  readonly amr?: readonly string[]
  /** Its name for the session there: `sid`, SessionIndex. */
  readonly session?: string | undefined
  /** What it gave to act at its own services. */
  readonly tokens?: OutsideTokens | undefined
  /** What signing out there will need: kept sealed with the session. */
  readonly logoutMemory?: JsonObject | undefined
}

/** Tokens of a provider. */
export interface OutsideTokens {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  /** Absent: it does not say. */
  readonly expiresAt?: Seconds | undefined
  readonly scope?: string | undefined
}

/** Somebody whom a provider has told of before. */
export interface KnownIdentity {
  readonly subject: string
  /** Where they are kept. */
  readonly tokens?: OutsideTokens | undefined
  /**
   * Takes new tokens as soon as they are there and before anything else is asked: where the provider has changed the refresh
   * token, the one before counts no more, whatever fails after that.
   */
  readonly keep?: ((tokens: OutsideTokens) => Promise<void>) | undefined
}

/** How a provider says that somebody has signed out: a back-channel logout token, or SAML's single logout. */
export type LogoutDoor = (message: {
  readonly parameters: URLSearchParams
  readonly binding: 'query' | 'form'
  /** Where it was sent to, without the query. */
  readonly location: string
  /** The query as it was sent, without `?`: what a signature covers in SAML's redirect binding. Absent: there was none. */
  readonly query?: string | undefined
}) => Promise<RemoteLogout | SignedOutThere>

/** Whose sessions end: one of `subject` and `session` is there. */
export interface RemoteLogout {
  readonly subject?: string | undefined
  readonly session?: string | undefined
  /** By which it is told from others, and until when it could be brought again: it counts once. */
  readonly once: { readonly id: string; readonly until: Seconds }
  /** What is answered to a browser that brought it; absent where the provider brought it itself. */
  readonly answer?: Going | undefined
}

/** What a provider answers where `signOut` had sent somebody: they go on to where that was to come back to. */
export interface SignedOutThere {
  /** That of {@link Leaving}. */
  readonly state: string
}

/** Somebody signs out here, and there. */
export interface Leaving {
  readonly subject: string
  readonly session?: string | undefined
  readonly memory: JsonObject
  /** Where the browser comes back to. */
  readonly comeBackTo: string
  readonly state: string
}

/** A document for the provider. */
export interface Description {
  readonly type: string
  readonly text: string
}

/** Something that was looked at. */
export interface Finding {
  /** Two or three words: what was looked at. */
  readonly what: string
  readonly state: 'ok' | 'warning' | 'wrong'
  /** What was seen and, where something is wrong, what to do about it. */
  readonly says: string
}
