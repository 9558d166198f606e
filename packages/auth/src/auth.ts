import type { IncomingMessage } from 'node:http'
import type { Seconds } from '@gatehouse/core/brand'
import type { BrowserApps, SupposeTwoFactors, VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { type AccessTokenVerifier, createAccessTokenVerifier } from '@gatehouse/guard/access-token'
import { createAppSessions } from './apps/app-sessions.ts'
import { createAppSignIns } from './apps/app-sign-ins.ts'
import { createKeptForms } from './apps/kept-forms.ts'
import { createRefusalPages } from './apps/refusal-page.ts'
import type { AuthOptions, AuthSettings } from './auth-options.ts'
import { type AccessTokens, createAccessTokens } from './domain/access-tokens.ts'
import { createApprovalMails } from './domain/approval-mails.ts'
import { createAuthorizationCodes } from './domain/authorization-codes.ts'
import { createBackchannelLimit } from './domain/backchannel-limit.ts'
import { createBackchannelPings } from './domain/backchannel-pings.ts'
import { createBreachedPasswords } from './domain/breached-passwords.ts'
import { createBrowserSessions } from './domain/browser-sessions.ts'
import { createClientDocuments } from './domain/client-documents.ts'
import { type Clients, createClients } from './domain/clients.ts'
import { createDecoupledRequests } from './domain/decoupled-requests.ts'
import { createDynamicClients, type DynamicClients } from './domain/dynamic-clients.ts'
import { createClientKeys } from './domain/find-client-keys.ts'
import { createIdTokens } from './domain/id-tokens.ts'
import { createInvitationMails } from './domain/invitation-mails.ts'
import { type KeyRings, openKeyRings } from './domain/key-rings.ts'
import { createLockout } from './domain/lockout.ts'
import { createLogoutDeliveries, type LogoutDeliveries } from './domain/logout-deliveries.ts'
import type { Notices } from './domain/notices.ts'
import { relyingPartyOf } from './domain/passkey-options.ts'
import { createPasskeys } from './domain/passkeys.ts'
import { createPasswords, type Passwords } from './domain/passwords.ts'
import { createRefreshTokens } from './domain/refresh-tokens.ts'
import { createRememberedDevices } from './domain/remembered-devices.ts'
import { createRemoteKeySets } from './domain/remote-key-sets.ts'
import { createRevocations, type Revocations } from './domain/revocations.ts'
import { createSealedTokens } from './domain/sealed-tokens.ts'
import { createSecondFactors } from './domain/second-factors.ts'
import { createSessionEnds } from './domain/session-end.ts'
import { openSigningKeys, type SigningKeys } from './domain/signing-keys.ts'
import { createSubjects } from './domain/subjects.ts'
import { createTokenPairs } from './domain/token-pairs.ts'
import { createTrustedIssuers } from './domain/trusted-issuers.ts'
import { createUserCodeLimit } from './domain/user-codes.ts'
import { buildEndpoints } from './endpoints.ts'
import { createFederation, type Federation } from './federation/federation.ts'
import { createRevocationFeed, type RevocationFeed } from './feed/revocation-feed.ts'
import { createMfaTokens } from './first-party/mfa-tokens.ts'
import { createActingUsers } from './flow/acting.ts'
import { createAuthorizationFlow } from './flow/authorization.ts'
import { createFlows } from './flow/flows.ts'
import { createSupposeTwoFactors } from './flow/suppose-two-factors.ts'
import {
  type AddressLimit,
  beginningLimit,
  createAddressLimit,
  defaultFailureLimit,
  mailRequestLimit,
} from './http/address-limit.ts'
import { createCookies } from './http/cookies.ts'
import type { Endpoint } from './http/endpoint.ts'
import { BodyReader } from './http/read-body.ts'
import { createAccountsByMail, createMailServices } from './mail/mail-services.ts'
import { canSend, noMail } from './mail/open-outbox.ts'
import type { Outbox } from './mail/outbox.ts'
import { createOutbound } from './outbound/outbound.ts'
import { createLooks, type Looks } from './pages/look.ts'
import { createAuthorizationDetails } from './protocol/authorization-details.ts'
import { createClientAuthentication } from './protocol/client-auth/client-auth.ts'
import { type ClientRefusals, createClientRefusals } from './protocol/client-auth/client-refusals.ts'
import { createDpop, type Dpop } from './protocol/dpop.ts'
import { authorizationCodeGrant } from './protocol/grants/authorization-code.ts'
import { cibaGrant, cibaGrantType } from './protocol/grants/ciba.ts'
import { clientCredentialsGrant } from './protocol/grants/client-credentials.ts'
import { deviceCodeGrant } from './protocol/grants/device-code.ts'
import { jwtBearerGrant } from './protocol/grants/jwt-bearer.ts'
import { refreshTokenGrant } from './protocol/grants/refresh-token.ts'
import { tokenExchangeGrant } from './protocol/grants/token-exchange.ts'
import { readIdTokenHint } from './protocol/id-token-hint.ts'

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
  /** Tells services what is revoked, as it happens. */
  readonly feed: RevocationFeed
  readonly failures: AddressLimit
  readonly dpop: Dpop
  /** How pages look to whoever asks for them. */
  readonly looks: Looks
  /** Clients that were refused, for the audit trail: to be written every now and then. */
  readonly clientRefusals: ClientRefusals
  /** Tells clients of sessions that have ended: to be called every now and then. */
  readonly logoutDeliveries: LogoutDeliveries
  /** What is on its way to people: to be delivered every now and then, and soon after something is queued. */
  readonly outbox: Outbox
  /** Tells people what has happened to their accounts. */
  readonly notices: Notices
  readonly dynamicClients: DynamicClients
  readonly federation: Federation
  /** Until when what a token was issued from lasts, and is of a class that is needed; absent where it has ended. */
  readonly findEnd: (token: VerifiedToken, acr: readonly string[]) => Promise<Seconds | undefined>
  /** What a token would say had its user shown a second factor; absent where it would say no more. */
  readonly supposeTwoFactors: SupposeTwoFactors
  /** The sessions of apps in the browser. */
  readonly apps: BrowserApps<IncomingMessage>
  /** Ends what runs beside the requests. */
  close(): void
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
  const feed = createRevocationFeed({ revocations, clock }, options.feed)
  const keys = await openSigningKeys({
    store,
    clock,
    rings,
    hint,
    rotateEvery: () => settings.rotateKeysEvery,
    ...(options.makeKeyPair ? { makeKeyPair: options.makeKeyPair } : {}),
  })

  const onNotice = options.onClientNotice ?? (() => {})
  const outbound = createOutbound({ allowLoopback: options.allowLoopbackRequests })
  const mail = options.mail ?? noMail
  const brand = () => settings.brand
  const mailServices = createMailServices({ store, clock, issuer, ring: rings.mail, outbound, brand }, mail, {
    onQueued: options.onMailQueued ?? (() => {}),
    onResult: options.counters.onMail,
    onFailure: options.onMailFailure ?? (() => {}),
  })
  const { outbox, notices } = mailServices
  const keySets = createRemoteKeySets({ outbound, clock })
  const clientKeys = createClientKeys({ keySets })
  const registrationPolicy = () => settings.registration
  const documents = createClientDocuments({ outbound, clock, policy: registrationPolicy })
  const clientSecrets = rings['client-secret']
  const clients = createClients({ store, clock, clientSecrets, documents, policy: registrationPolicy }, settings)
  const passwords = createPasswords({
    ...options.hashing,
    brandName: () => settings.brand.name,
    ...(options.breachedPasswords && {
      breached: createBreachedPasswords(
        { outbound, onFailure: options.counters.onBreachedLookupFailure },
        options.breachedPasswords,
      ),
    }),
  })
  const lockout = createLockout({ store, clock }, options.signInLimits)
  const failures = createAddressLimit(clock, options.failureLimit ?? defaultFailureLimit)
  const beginnings = createAddressLimit(clock, beginningLimit)
  const sealedTokens = createSealedTokens(rings['access-token'])
  const verifier = createAccessTokenVerifier({
    issuer,
    types: [accessTokenType],
    keys,
    revocations: revocations.set,
    clock,
    openSealed: (token) => sealedTokens.open(token),
  })
  const identityVerifier = createAccessTokenVerifier({
    ...{ issuer, types: [identityTokenType], keys, revocations: revocations.set, clock },
    // Each is exchanged once or twice.
    cacheSize: 100,
  })
  const accessTokens = createAccessTokens({ issuer, clock, keys, revocations: revocations.set, sealedTokens })
  const federation = createFederation(
    {
      ...{ issuer, store, clock, ring: rings.federation, outbound, passwords, notices, revocations },
      organisationPolicy: () => settings.organisations,
      sessionLifetime: () => settings.lifetimes.absolute,
      onFailure: options.onProviderFailure ?? (() => {}),
    },
    settings.providers,
  )
  const { standing } = federation
  const ring = rings['refresh-token']
  const refreshTokens = createRefreshTokens({ store, clock, ring, revocations })
  const lifetimes = () => settings.lifetimes
  const limits = () => settings.sessionLimits
  const roleRules = () => ({ scopes: settings.roleScopes, needFactor: settings.secondFactor.requiredForRoles })
  const subjects = createSubjects(rings['pairwise-subject'])
  const tokenPairs = createTokenPairs({
    store,
    clock,
    accessTokens,
    refreshTokens,
    ring,
    lifetimes,
    limits,
    revocations,
    roleRules,
    subjects,
    standing,
  })
  const clientRefusals = createClientRefusals({ store, clock })
  const clientAuthentication = createClientAuthentication({
    ...{ store, clock, issuer, failures, beginnings },
    ...{ clients, clientKeys, keySets, refusals: clientRefusals },
  })
  const dpop = createDpop({
    ...{ store, clock, failures, ring: rings['dpop-nonce'] },
    requireNonce: () => settings.requireDpopNonce,
  })
  const defaultAudience = (): string => settings.audience

  const idTokens = createIdTokens({ issuer, clock, keys, clientKeys })
  const codes = createAuthorizationCodes({
    store,
    clock,
    revocations,
    accessTokenLifetime: () => settings.lifetimes.accessToken,
  })
  const cookies = createCookies(issuer)
  const looks = createLooks({
    cookies,
    brand,
    offers: () => ({
      organisations: settings.organisations !== undefined,
      linked: settings.providers.length > 0,
      requests: mayAskByCiba(settings),
    }),
  })
  const flows = createFlows({ store, clock, cookies, beginnings })
  const browserSessions = createBrowserSessions({ store, clock, revocations, cookies, lifetimes, limits })
  const issuerName = new URL(issuer).host
  const secondFactors = createSecondFactors({ store, clock, ring: rings.factor, notices, issuerName })
  const passkeys = createPasskeys({ store, clock, notices, relyingParty: relyingPartyOf(issuer) })
  const minimumPasswordLength = () => settings.minimumPasswordLength
  const rememberFor = () => settings.secondFactor.rememberFor
  const rememberedDevices = createRememberedDevices({ store, clock, cookies, lifetime: rememberFor })
  const authorizationDetails = createAuthorizationDetails(() => settings.authorizationDetails)
  const signing = { issuer, clock, keys, clientKeys, idTokens, subjects, store }
  const hasOrganisations = () => settings.organisations !== undefined
  const actingUsers = createActingUsers({ store, clock, roleRules, hasOrganisations })
  const authorization = createAuthorizationFlow({
    ...signing,
    secondFactors,
    actingUsers,
    clients,
    flows,
    looks,
    browserSessions,
    standing,
    codes,
    defaultAudience,
  })
  const pings = createBackchannelPings({ outbound, ring: rings.authorization, onNotice })
  const approvalMails = createApprovalMails({ clock, issuer, ...mailServices })
  const decoupledRequests = createDecoupledRequests({ store, clock, pings, approvalMails })
  const trustedIssuers = createTrustedIssuers({
    ...{ store, clock, clients, clientKeys },
    issuers: () => settings.trustedIssuers,
  })
  const clientTokens = { accessTokens, defaultAudience, lifetime: () => settings.lifetimes.accessToken }
  const grants = [
    authorizationCodeGrant({ ...signing, codes, tokenPairs }),
    refreshTokenGrant({ ...signing, tokenPairs }),
    clientCredentialsGrant(clientTokens),
    jwtBearerGrant({ ...clientTokens, trustedIssuers }),
    tokenExchangeGrant({
      ...clientTokens,
      issuer,
      clock,
      verifier,
      identityVerifier,
      trustedIssuers,
      audiences: () => clients.audiences,
    }),
    deviceCodeGrant({ ...signing, decoupledRequests, tokenPairs, standing, revocations }),
    cibaGrant({ ...signing, decoupledRequests, tokenPairs, standing, revocations }),
  ]

  const dynamicClients = createDynamicClients({
    ...{ store, clock, clients, revocations, outbound, clientSecrets },
    policy: registrationPolicy,
  })
  const findApp = (host: string) => settings.apps.find((app) => app.host === host)
  const bodies = new BodyReader()
  const appSessions = createAppSessions({
    ...{ store, clock, ring, cookies, clients, accessTokens, lifetimes, limits, roleRules, defaultAudience },
    revocations: revocations.set,
    standing,
  })
  const appSignIns = createAppSignIns({
    ...{ issuer, clock, cookies, clients, codes, tokenPairs, bodies, beginnings, findApp },
    ring: rings.authorization,
    keptForms: createKeptForms({ store, clock, ring: rings.authorization }),
    scopes: () => settings.routeScopes,
    findOwner: appSessions.findOwner,
  })
  const logoutDeliveries = createLogoutDeliveries({ issuer, store, clock, clients, keys, outbound, onNotice })

  const endpoints = buildEndpoints({
    ...options.counters,
    ...signing,
    loginApi: options.loginApi,
    hasInbox: mail.inbox,
    seesCertificates: options.seesCertificates ?? false,
    clients,
    passwords,
    lockout,
    tokenPairs,
    refreshTokens,
    revocations,
    feed,
    verifier,
    failures,
    limits,
    dpop,
    outbound,
    flows,
    looks,
    brand,
    browserSessions,
    cookies,
    logoutDeliveries,
    findApp,
    appSessions,
    appSignIns,
    secondFactors,
    passkeys,
    federation,
    rememberedDevices,
    rememberFor,
    factorRing: rings.factor,
    mfaTokens: createMfaTokens({ store, clock }),
    requiresSecondFactor: actingUsers.requiresSecondFactor,
    roleRules,
    authorization,
    actingUsers,
    organisationPolicy: () => settings.organisations,
    canInvite: canSend(mail),
    queueInvitation: canSend(mail) ? createInvitationMails({ issuer, ...mailServices }) : undefined,
    decoupledRequests,
    backchannelLimit: createBackchannelLimit({ store, clock, notices }),
    pings,
    userCodeLimit: createUserCodeLimit({ store, clock }),
    clientAuthentication,
    grants,
    grantTypes: grants.map((grant) => grant.type),
    defaultAudience,
    audiences: () => clients.audiences,
    scopes: () => settings.routeScopes,
    requireClient: () => settings.requireClientToValidate,
    minimumPasswordLength,
    canSend: canSend(mail),
    ...mailServices,
    ...createAccountsByMail({
      ...{ ...mailServices, store, clock, issuer, passwords, revocations, minimumPasswordLength },
      policy: () => settings.signUp,
    }),
    signUpPolicy: () => settings.signUp,
    signInMethods: () => settings.signInMethods,
    mailRequests: createAddressLimit(clock, options.mailRequestLimit ?? mailRequestLimit),
    readIdTokenHint(hint, client) {
      const { sub, clientId } = readIdTokenHint({ issuer, keys: keys.all }, hint)
      if (clientId !== client.id)
        throw new GatehouseError('invalid_request', { description: 'The id_token_hint is that of another client' })
      return sub
    },
    checkAuthorizationDetails: (text, client) => authorizationDetails.check(text, client),
    requiresPushed: () => settings.requirePushedRequests,
    hasOrganisations,
    isHybridAllowed: () => settings.clients.some(({ permissions }) => permissions.hybrid),
    detailTypes: () => authorizationDetails.types,
    registration: () => ({ isOpen: settings.registration.mode !== 'off', documents: settings.registration.documents }),
    registrationPolicy,
    beginnings,
    registrationLimit: createAddressLimit(clock, () => settings.registration.perMinute),
    dynamicClients,
    describeDetails: (details) => authorizationDetails.describe(details),
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
    feed,
    failures,
    dpop,
    looks,
    clientRefusals,
    logoutDeliveries,
    outbox,
    notices,
    dynamicClients,
    federation,
    findEnd: createSessionEnds({ store, clock, limits }),
    supposeTwoFactors: createSupposeTwoFactors({ store, clients, actingUsers, roleRules }),
    apps: {
      find: appSessions.find,
      begin: appSignIns.begin,
      findForm: appSignIns.findForm,
      showRefusal: createRefusalPages(looks),
    },
    close() {
      bodies.close()
      feed.close()
      federation.providers.close()
      outbound.close()
      outbox.close()
    },
    replaceSettings(next) {
      settings = next
      clients.replace(next)
      federation.providers.replace(next.providers)
    },
  }
}

/** Whether any client that is known beforehand, or may register, asks people by CIBA. */
const mayAskByCiba = ({ clients, registration }: AuthSettings): boolean =>
  clients.some(({ grantTypes }) => grantTypes.includes(cibaGrantType)) ||
  (registration.mode !== 'off' && registration.grantTypes.includes(cibaGrantType))
