import type { ClientId, GrantId, Seconds, SessionId } from './brand.ts'
import type { ErrorCode } from './errors.ts'
import type { JsonObject } from './json.ts'
import type { ScopeSet } from './scope.ts'

/** Who acts for the subject, and for whom that one acts in turn. Spec: RFC 8693 section 4.1. */
export interface ActorClaim {
  readonly sub: string
  readonly iss?: string
  readonly client_id?: string
  readonly act?: ActorClaim
}

/** The claims of an access token once it has been verified. Spec: RFC 9068 section 2.2. */
export interface AccessTokenClaims {
  readonly iss: string
  /** A user's id (`usr_…`) or, for a client on its own behalf, the client id. */
  readonly sub: string
  /** One audience or several, as in the token. */
  readonly aud: string | readonly string[]
  readonly exp: Seconds
  readonly iat: Seconds
  readonly jti: string
  readonly client_id: ClientId
  /** Scope tokens with one space between two; may be empty. */
  readonly scope: string
  /** The session; absent for a client on its own behalf. */
  readonly sid?: SessionId
  /** The grant; absent where there is none. */
  readonly gid?: GrantId
  readonly auth_time?: Seconds
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly roles?: readonly string[]
  readonly org?: string
  /** What it is bound to: a key, a certificate or, for an identity of the gateway, one request. Spec: RFC 7800 section 3. */
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string; readonly 'req#S256'?: string }
  /** The `jti` of each access token that this one was made from: revoked with any of them. */
  readonly origins?: readonly string[]
  readonly act?: ActorClaim
  /** Who may become the actor. Spec: RFC 8693 section 4.4. */
  readonly may_act?: JsonObject
  /** Spec: RFC 9396 section 9.1. */
  readonly authorization_details?: readonly JsonObject[]
}

/** A token whose signature, type, issuer and claims were found good; what else it is worth is checked at each use. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims
  /** The JOSE header's `typ`, such as `at+jwt`. */
  readonly typ: string
  /** The signing key's id. */
  readonly kid: string
  readonly audiences: readonly string[]
  readonly scopes: ScopeSet
  readonly roles: ReadonlySet<string>
  /**
   * What was made from what the token says, for as long as the token is remembered: texts and signatures, never a decision.
   * The one part of a verified token that changes.
   */
  readonly memo: TokenMemo
}

/** See {@link VerifiedToken}; each part is made by the one who needs it, at the first use. */
export interface TokenMemo {
  /** The answer of /validate where the token is valid. */
  validation?: string
  /** The answer of introspection where the token is active. */
  introspection?: string
  /** The headers by which services are told who calls: names and values in turn. */
  identityHeaders?: readonly string[]
  /** What conditions of rules read as `principal`. */
  principal?: object
  /** The identity token that was sent last, and the header that it is sent in. */
  identity?: { readonly jwt: string; readonly authorization: string }
  /** By a service's audience: the identity token that the gateway sends, and until which second it is sent again. */
  identities?: Map<string, { readonly jwt: string; readonly reuseUntil: number }>
}

/** Why a token was refused: for logs and for /validate, never a hint on how to forge one. */
export type RefusalReason =
  | 'malformed'
  | 'wrong_type'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'bad_claims'
  | 'not_yet_valid'
  | 'expired'
  | 'wrong_audience'
  | 'insufficient_scope'
  | 'revoked'
  | 'sender_constraint'
  | 'wrong_request'
  | 'not_ready'

/** The refusal of a token. */
export interface Refusal {
  readonly refused: RefusalReason
}

/** Whether this is a refusal and not a token. */
export const isRefusal = (outcome: VerifiedToken | Refusal): outcome is Refusal => 'refused' in outcome

/** What a revocation can name. */
export const revocationKinds = ['jti', 'sid', 'gid', 'client', 'sub', 'kid'] as const
/** See {@link revocationKinds}. */
export type RevocationKind = (typeof revocationKinds)[number]

/** What is revoked: one entry of the revocation feed. */
export interface RevocationEntry {
  readonly kind: RevocationKind
  readonly value: string
  /** With it, only tokens issued at this second or before are revoked. */
  readonly issued_before: Seconds | null
  /** From this second on the entry has no effect, since every token that it concerns has expired. */
  readonly expires_at: Seconds
}

/** An entry that has its place in the order. */
export interface Revocation extends RevocationEntry {
  /** Order of commit; a reader that has seen `seq` has seen everything before it. */
  readonly seq: number
}

/** Answers, without I/O, whether a verified token has been revoked. */
export interface RevocationSource {
  isRevoked(token: Pick<VerifiedToken, 'claims' | 'kid'>): boolean
  /** Whether the answers can be relied on: false before the first load and after the feed was lost for too long. */
  readonly current: boolean
}

/**
 * What a token would say had its user shown a second factor: the same, and what roles of theirs bring that count for nobody
 * without one. Absent where it would say no more. Some reads, where a role needs a factor.
 */
export type SupposeTwoFactors = (token: VerifiedToken) => Promise<VerifiedToken | undefined>

/** Where a browser is sent to sign in, and the cookies that go with it. */
export interface SignInDetour {
  readonly location: string
  readonly cookies: readonly string[]
}

/** A page in answer to somebody who was refused: its markup, and headers as names and values in turn. */
export interface RefusalPage {
  readonly text: string
  readonly headers: readonly string[]
}

/** A form that somebody had sent without a session, or without one that was good enough, and that may be sent now. */
export interface WaitingForm {
  readonly id: string
  /** Path and query that it was sent to. */
  readonly target: string
  /** Its Content-Type, as it was sent. */
  readonly type: string
  /** One character for each byte. */
  readonly body: string
  /** Who has signed in for it, by id: nobody else may send it. */
  readonly sender: string
  /** Takes it away: of any number of callers one gets true. Cost: one statement. */
  take(): Promise<boolean>
  /** Keeps it once more as it was, where it was taken and has not been sent after all. Cost: one statement. */
  putBack(): Promise<void>
}

/** What the gateway asks of the sessions that Gatehouse holds for apps in the browser. */
export interface BrowserApps<Request> {
  /**
   * What a token of the session would say that a request's cookies open on this host; absent where they open none. A promise
   * where it has to be looked up. Error: `temporarily_unavailable`.
   */
  find(host: string, cookie: string | undefined): VerifiedToken | undefined | Promise<VerifiedToken | undefined>
  /**
   * Sends a browser to sign in, and back to where it was. A form that the request carries is kept and sent again then.
   * Errors: `too_many_requests`, `payload_too_large`, `invalid_request`.
   */
  begin(
    request: Request,
    detour: {
      readonly host: string
      /** Where it was: path and query. */
      readonly returnTo: string
      readonly address: string
      /** Whether the request's body is a form to be kept. */
      readonly keepForm: boolean
      /** Who alone may send that, where it is known: the {@link WaitingForm.sender} of one that was kept before. */
      readonly sender?: string | undefined
      /** Whether they are asked before it is sent, also where they are known: default true. */
      readonly asks?: boolean | undefined
      readonly acrValues?: readonly string[] | undefined
      /** Seconds. */
      readonly maxAge?: number | undefined
    },
  ): Promise<SignInDetour>
  /** The form of this id, where this browser has sent it and it still waits. Cost: one read. */
  findForm(request: Request, form: { readonly host: string; readonly id: string }): Promise<WaitingForm | undefined>
  /** What a person is shown who was refused, with the id that finds the rest in the log. */
  showRefusal(
    request: Request,
    refusal: {
      readonly code: ErrorCode
      readonly id: string
      /** The id of a form that waits all the same, and may be sent once more. */
      readonly form?: string | undefined
    },
  ): RefusalPage
}
