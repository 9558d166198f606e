import type { Seconds } from '@gatehouse/core/brand'
import type { RefusalReason } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { BreachedPasswordSource } from './domain/breached-passwords.ts'
import type { OnClientNotice } from './domain/client-notice.ts'
import type { RegistrationPolicy } from './domain/client-registration.ts'
import type { ClientConfiguration } from './domain/clients.ts'
import type { RoleScopes } from './domain/effective-access.ts'
import type { SignInLimits } from './domain/lockout.ts'
import type { MakeKeyPair } from './domain/make-signing-key.ts'
import type { OrganisationPolicy } from './domain/organisations.ts'
import type { HashOptions } from './domain/passwords.ts'
import type { Hint } from './domain/revocations.ts'
import type { SessionLimits } from './domain/sessions.ts'
import type { SignInMethod } from './domain/sign-in-methods.ts'
import type { SignUpPolicy } from './domain/sign-up.ts'
import type { TokenLifetimes } from './domain/token-pairs.ts'
import type { TrustedIssuer } from './domain/trusted-issuers.ts'
import type { Federation } from './federation/federation.ts'
import type { ProviderSettings } from './federation/provider-settings.ts'
import type { FeedTuning } from './feed/revocation-feed.ts'
import type { SignInResult } from './login/signed-in-user.ts'
import type { MailSettings } from './mail/open-outbox.ts'
import type { MailResult, OutboxOptions } from './mail/outbox.ts'
import type { Brand } from './pages/brand.ts'
import type { AuthorizationDetailType } from './protocol/authorization-details.ts'

/** What a reload may change: read at each use. */
export interface AuthSettings extends ClientConfiguration {
  readonly lifetimes: TokenLifetimes
  readonly minimumPasswordLength: number
  readonly requireClientToValidate: boolean
  readonly rotateKeysEvery: Seconds
  /** Every scope that a route asks for, for the discovery document. */
  readonly routeScopes: readonly string[]
  readonly secondFactor: SecondFactorPolicy
  readonly sessionLimits: SessionLimits
  /** The scopes that roles bring. */
  readonly roleScopes: RoleScopes
  /** What organisations may do; undefined = there are none. */
  readonly organisations: OrganisationPolicy | undefined
  /** Whether DPoP proofs must carry a nonce of ours. */
  readonly requireDpopNonce: boolean
  /** Whether every client must push its authorization requests. */
  readonly requirePushedRequests: boolean
  /** What clients that register themselves may have. */
  readonly registration: RegistrationPolicy
  /** In whose name the pages are. */
  readonly brand: Brand
  readonly signUp: SignUpPolicy
  /** Outside providers, in the order in which they are offered. */
  readonly providers: readonly ProviderSettings[]
  /** How people prove who they are, at first. */
  readonly signInMethods: ReadonlySet<SignInMethod>
  /** Types of authorization_details, by name. */
  readonly authorizationDetails: Readonly<Record<string, AuthorizationDetailType>>
  /** Whose word for workloads is taken. */
  readonly trustedIssuers: readonly TrustedIssuer[]
}

/** Who must have a second factor, and for how long a browser is remembered. */
export interface SecondFactorPolicy {
  readonly requiredForRoles: readonly string[]
  /** Seconds; 0 = it is asked for each time. */
  readonly rememberFor: Seconds
}

/** What only a restart changes. */
export interface AuthOptions {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly masterKey: { readonly key: Buffer; readonly previous?: Buffer | undefined }
  readonly settings: AuthSettings
  readonly loginApi: boolean
  /** Whether requests of our own may go to this machine itself, and without TLS: development alone. */
  readonly allowLoopbackRequests: boolean
  readonly hashing: HashOptions
  readonly signInLimits?: SignInLimits | undefined
  /** Whether client certificates can reach Gatehouse, by its own listener or by a trusted proxy; not unless said so. */
  readonly seesCertificates?: boolean
  /** Requests of one address in a minute that cost a hash or a mail. */
  readonly mailRequestLimit?: number | undefined
  /** Failed signatures that one address may cause in a minute. */
  readonly failureLimit?: number | undefined
  /** How the revocation feed is run: for tests and unusual networks. */
  readonly feed?: Partial<FeedTuning> | undefined
  readonly hint: Hint
  /** Where passwords are looked up that are known from breaches. */
  readonly breachedPasswords?: BreachedPasswordSource | undefined
  /** How people are sent mails; left out: nobody is. */
  readonly mail?: MailSettings
  /** Called once a mail is queued, a moment before it is committed: it may be delivered soon. */
  readonly onMailQueued?: OutboxOptions['onQueued']
  /** Hears why a mail could not be delivered: for the log. */
  readonly onMailFailure?: OutboxOptions['onFailure']
  /** Hears why something came to nothing at an outside provider: for the log. */
  readonly onProviderFailure?: Federation['onFailure']
  /** Hears what becomes of logout notices and pings: for the log, and for /metrics. */
  readonly onClientNotice?: OnClientNotice
  /** Makes the signing keys' pairs; left out: new ones each time. */
  readonly makeKeyPair?: MakeKeyPair
  /** Hears of what /metrics counts. */
  readonly counters: AuthCounters
}

/** Called on the paths themselves: each must cost no more than an addition. */
export interface AuthCounters {
  readonly onSignIn: (result: SignInResult) => void
  readonly onIssued: (grantType: string) => void
  readonly onValidated: (reason: RefusalReason | 'valid') => void
  readonly onMail: (result: MailResult) => void
  readonly onBreachedLookupFailure: () => void
}
