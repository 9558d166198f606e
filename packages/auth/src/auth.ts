import type { Seconds } from '@gatehouse/core/brand'
import type { RefusalReason } from '@gatehouse/core/contracts'
import type { Clock } from '@gatehouse/core/time'
import { accessTokenType } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifier, createAccessTokenVerifier } from '@gatehouse/guard/access-token'
import type { Store } from '@gatehouse/store/store'
import { type AccessTokens, createAccessTokens } from './domain/access-tokens.ts'
import { type ClientConfiguration, type Clients, createClients } from './domain/clients.ts'
import type { HashLimits } from './domain/hash-queue.ts'
import { type KeyRings, openKeyRings } from './domain/key-rings.ts'
import { createLockout, type SignInLimits } from './domain/lockout.ts'
import { createPasswords, type HashParameters, type Passwords } from './domain/passwords.ts'
import { createRefreshTokens } from './domain/refresh-tokens.ts'
import { createRevocations, type Hint, type Revocations } from './domain/revocations.ts'
import { openSigningKeys, type SigningKeys } from './domain/signing-keys.ts'
import { createTokenPairs, type TokenLifetimes } from './domain/token-pairs.ts'
import { buildEndpoints } from './endpoints.ts'
import type { Endpoint } from './http/endpoint.ts'
import { createFailureLimit, type FailureLimit } from './http/failure-limit.ts'
import type { SignInResult } from './login/password.ts'
import { createClientAuthentication } from './protocol/client-auth/client-auth.ts'
import { clientCredentialsGrant } from './protocol/grants/client-credentials.ts'
import { refreshTokenGrant } from './protocol/grants/refresh-token.ts'

/** What a reload may change: read at each use. */
export interface AuthSettings extends ClientConfiguration {
  readonly lifetimes: TokenLifetimes
  readonly minimumPasswordLength: number
  readonly requireClientToValidate: boolean
  readonly rotateKeysEvery: Seconds
  /** Every scope that a route asks for, for the discovery document. */
  readonly routeScopes: readonly string[]
}

/** What only a restart changes. */
export interface AuthOptions {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly masterKey: { readonly key: Buffer; readonly previous?: Buffer | undefined }
  readonly settings: AuthSettings
  readonly loginApi: boolean
  readonly hashing: HashLimits & { readonly parameters?: HashParameters }
  readonly signInLimits?: SignInLimits | undefined
  /** Failed signatures that one address may cause in a minute. */
  readonly failureLimit?: number | undefined
  readonly hint: Hint
  /** Hears of what /metrics counts. */
  readonly counters: AuthCounters
}

/** Called on the paths themselves: each must cost no more than an addition. */
export interface AuthCounters {
  readonly onSignIn: (result: SignInResult) => void
  readonly onIssued: (grantType: string) => void
  readonly onValidated: (reason: RefusalReason | 'valid') => void
}

/** The authentication service, ready to be mounted. */
export interface Auth {
  readonly endpoints: readonly Endpoint[]
  /** Verifies access tokens for every part of this process. */
  readonly verifier: AccessTokenVerifier
  readonly accessTokens: AccessTokens
  readonly clients: Clients
  readonly passwords: Passwords
  readonly keys: SigningKeys
  readonly rings: KeyRings
  readonly revocations: Revocations
  readonly failures: FailureLimit
  /** Swaps what a reload may change, as a whole. */
  replaceSettings(settings: AuthSettings): void
}

/**
 * Builds the authentication service on an open, migrated store: opens the key rings, makes or loads the signing keys, and
 * loads the revocations, so that what it answers from then on it may answer.
 * Throws {@link WrongMasterKeyError} (domain/key-rings).
 */
export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { issuer, store, clock, hint } = options
  let { settings } = options
  const revocations = createRevocations({ store, clock, hint })
  const [rings] = await Promise.all([openKeyRings({ store, clock }, options.masterKey), revocations.load()])
  const keys = await openSigningKeys({ store, clock, rings, hint, rotateEvery: () => settings.rotateKeysEvery })

  const clients = createClients({ store, clock }, settings)
  const passwords = createPasswords(options.hashing)
  const lockout = createLockout({ store, clock }, options.signInLimits)
  const failures = createFailureLimit(clock, options.failureLimit)
  const verifier = createAccessTokenVerifier({
    issuer,
    types: [accessTokenType],
    keys,
    revocations: revocations.set,
    clock,
  })
  const accessTokens = createAccessTokens({ issuer, clock, keys, revocations: revocations.set })
  const ring = rings['refresh-token']
  const refreshTokens = createRefreshTokens({ store, clock, ring, revocations })
  const tokenPairs = createTokenPairs({
    store,
    clock,
    accessTokens,
    refreshTokens,
    ring,
    lifetimes: () => settings.lifetimes,
  })
  const clientAuthentication = createClientAuthentication({ store, clock, issuer, clients })
  const defaultAudience = (): string => settings.audience
  const grants = [
    clientCredentialsGrant({ accessTokens, defaultAudience, lifetime: () => settings.lifetimes.accessToken }),
    refreshTokenGrant({ tokenPairs }),
  ]

  const endpoints = buildEndpoints({
    ...options.counters,
    issuer,
    store,
    clock,
    loginApi: options.loginApi,
    clients,
    passwords,
    lockout,
    tokenPairs,
    refreshTokens,
    revocations,
    verifier,
    failures,
    keys,
    clientAuthentication,
    grants,
    grantTypes: grants.map((grant) => grant.type),
    defaultAudience,
    audiences: () => clients.audiences,
    scopes: () => settings.routeScopes,
    requireClient: () => settings.requireClientToValidate,
    minimumPasswordLength: () => settings.minimumPasswordLength,
  })

  return {
    endpoints,
    verifier,
    accessTokens,
    clients,
    passwords,
    keys,
    rings,
    revocations,
    failures,
    replaceSettings(next) {
      settings = next
      clients.replace(next)
    },
  }
}
