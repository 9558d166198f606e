import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { type Auth, createAuth } from '../auth.ts'
import type { AuthSettings } from '../auth-options.ts'
import type { RegistrationPolicy } from '../domain/client-registration.ts'
import { type ConfiguredClient, noPermissions } from '../domain/clients.ts'
import { HashWorkers } from '../domain/hash-workers.ts'
import type { SignInLimits } from '../domain/lockout.ts'
import type { Hint } from '../domain/revocations.ts'
import { signInMethods } from '../domain/sign-in-methods.ts'
import { addUser } from '../domain/users.ts'
import type { Federation } from '../federation/federation.ts'
import type { FeedTuning } from '../feed/revocation-feed.ts'
import { createClientAddresses } from '../http/client-address.ts'
import { mountEndpoints } from '../http/mount.ts'
import type { MailKind } from '../mail/letters.ts'
import type { MailSettings } from '../mail/open-outbox.ts'
import type { InboxMail, MailResult } from '../mail/outbox.ts'
import { defaultBrand } from '../pages/brand.ts'
import { reuseKeyPairs } from './reused-key-pairs.ts'

/** The issuer of every test; nothing listens there. */
export const issuer = 'https://auth.example.com'
/** A password that the rules allow. */
export const goodPassword = 'correct horse battery'

const baseClient: ConfiguredClient = {
  id: 'reports',
  authMethod: 'client_secret_basic',
  secretEitherWay: true,
  secret: 'reports-secret',
  grantTypes: ['client_credentials'],
  scopes: ['orders:read', 'inventory:read'],
  audiences: ['https://auth.example.com/orders'],
  introspects: [],
  metadata: {},
  permissions: noPermissions,
}

/** Nobody may register. */
export const noRegistration: RegistrationPolicy = {
  mode: 'off',
  documents: false,
  scopes: ['orders:read'],
  audiences: ['https://auth.example.com/orders'],
  grantTypes: ['authorization_code', 'refresh_token'],
  limit: 100,
  unusedFor: seconds(86_400),
  perMinute: 100,
  loopbackRedirects: false,
}

const baseSettings: AuthSettings = {
  audience: issuer,
  clients: [
    baseClient,
    {
      ...baseClient,
      id: 'desk-app',
      authMethod: 'none',
      secret: undefined,
      grantTypes: ['refresh_token'],
      permissions: { ...noPermissions, firstParty: true },
    },
  ],
  apps: [],
  services: [{ name: 'orders', audience: 'https://auth.example.com/orders', clientSecret: 'orders-secret' }],
  lifetimes: {
    accessToken: seconds(300),
    absolute: seconds(2_592_000),
    idle: seconds(86_400),
    replayWindow: seconds(30),
  },
  minimumPasswordLength: 15,
  requireClientToValidate: false,
  rotateKeysEvery: seconds(7_776_000),
  routeScopes: ['orders:read'],
  requireDpopNonce: true,
  requirePushedRequests: false,
  sessionLimits: {
    browserIdle: seconds(2_592_000),
    secondFactor: seconds(86_400),
    factorIdle: seconds(3600),
    perUser: 100,
  },
  secondFactor: { requiredForRoles: [], rememberFor: seconds(86_400) },
  roleScopes: new Map(),
  organisations: undefined,
  providers: [],
  authorizationDetails: {},
  trustedIssuers: [],
  brand: defaultBrand,
  signUp: { mode: 'open', domains: [], scopes: ['orders:read'], roles: [], terms: undefined },
  signInMethods: new Set(signInMethods),
  registration: noRegistration,
}

/** A running authentication service. */
export interface StartedAuth {
  readonly auth: Auth
  readonly store: Store
  readonly clock: ManualClock
  readonly url: string
  readonly settings: AuthSettings
  /** What was logged of refusals. */
  readonly refusals: { readonly error: string; readonly cause: unknown }[]
  readonly signIns: string[]
  /** What became of mails. */
  readonly mailResults: MailResult[]
  postJson(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  postForm(path: string, form: Record<string, string> | string, headers?: Record<string, string>): Promise<Response>
  signIn(
    options?: Record<string, unknown>,
  ): Promise<{ access_token: string; refresh_token: string; scope: string; expires_in: number }>
  /** What has been sent of a kind and is still there, the newest first. */
  mails(kind: MailKind): Promise<readonly InboxMail[]>
  /** The only mail of a kind. */
  mail(kind: MailKind): Promise<InboxMail>
  close(): Promise<void>
}

export interface StartOptions {
  readonly settings?: Partial<AuthSettings>
  readonly clients?: readonly Partial<ConfiguredClient>[]
  readonly store?: Store
  readonly clock?: ManualClock
  readonly hashing?: { readonly atATime: number; readonly mayWait: number }
  readonly limits?: SignInLimits
  readonly failureLimit?: number
  readonly trustedProxies?: readonly string[]
  readonly mailRequestLimit?: number
  readonly hint?: Hint
  readonly feed?: Partial<FeedTuning>
  /** Left out: mails lie in the inbox. */
  readonly mail?: Partial<MailSettings>
  readonly onMailFailure?: (error: unknown) => void
  readonly onProviderFailure?: Federation['onFailure']
}

const inboxOnly: MailSettings = { smtp: undefined, webhook: undefined, inbox: true, most: 1000, perRecipient: 5 }

/** Threads that all services of this process hash on: to start one takes longer than the hash, and than most tests. */
const hashWorkers = new HashWorkers()

const masterKey = { key: Buffer.alloc(32, 7) }

/** Starts the service with the user alice (alice@example.com, orders:read orders:write, role clerk). */
export async function startAuth(options: StartOptions = {}): Promise<StartedAuth> {
  const clock = options.clock ?? new ManualClock()
  const store = options.store ?? (await openStore({ url: ':memory:', clock }))
  await store.migrate()
  const clients = [...baseSettings.clients, ...(options.clients ?? []).map((client) => ({ ...baseClient, ...client }))]
  const settings: AuthSettings = { ...baseSettings, clients, ...options.settings }
  const refusals: StartedAuth['refusals'] = []
  const signIns: string[] = []
  const mailResults: MailResult[] = []
  const auth = await createAuth({
    issuer,
    store,
    clock,
    masterKey,
    settings,
    loginApi: true,
    allowLoopbackRequests: true,
    makeKeyPair: reuseKeyPairs(),
    hashing: { ...(options.hashing ?? { atATime: 2, mayWait: 100 }), workers: hashWorkers },
    failureLimit: options.failureLimit,
    mailRequestLimit: options.mailRequestLimit ?? 1000,
    ...(options.feed ? { feed: options.feed } : {}),
    ...(options.limits ? { signInLimits: options.limits } : {}),
    hint: options.hint ?? (async () => {}),
    mail: { ...inboxOnly, ...options.mail },
    ...(options.onMailFailure && { onMailFailure: options.onMailFailure }),
    ...(options.onProviderFailure && { onProviderFailure: options.onProviderFailure }),
    counters: {
      onSignIn: (result) => signIns.push(result),
      onIssued: () => {},
      onValidated: () => {},
      onMail: (result) => mailResults.push(result),
      onBreachedLookupFailure: () => {},
    },
  })
  const mount = mountEndpoints(auth.endpoints, {
    addresses: createClientAddresses(options.trustedProxies ?? []),
    firstPartyOrigins: () => new Set(['https://app.example.com']),
    httpsFor: () => 31_536_000,
    findCertificate: () => undefined,
    looks: auth.looks,
    log: (refusal) => refusals.push(refusal),
    onAnswer: () => {},
  })
  const server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    mount.handle(request, response, path, query)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await addAlice({ store, clock, auth })

  const post = (path: string, body: string, headers: Record<string, string>) =>
    fetch(url + path, { method: 'POST', body, headers })
  const started: StartedAuth = {
    auth,
    store,
    clock,
    url,
    settings,
    refusals,
    signIns,
    mailResults,
    postJson: (path, body, headers = {}) =>
      post(path, JSON.stringify(body), { 'content-type': 'application/json', ...headers }),
    postForm: (path, form, headers = {}) =>
      post(path, new URLSearchParams(form).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      }),
    async signIn(body = {}) {
      const response = await started.postJson('/login', { username: 'alice', password: goodPassword, ...body })
      if (response.status !== 200) throw new Error(`sign-in failed: ${await response.text()}`)
      return (await response.json()) as Awaited<ReturnType<StartedAuth['signIn']>>
    },
    mails: async (kind) => (await auth.outbox.listNewest(1000)).filter((mail) => mail.kind === kind),
    async mail(kind) {
      const [mail, ...more] = await started.mails(kind)
      if (!mail || more.length > 0) throw new Error(`${more.length + (mail ? 1 : 0)} mails of the kind ${kind}`)
      return mail
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
      mount.close()
      auth.close()
      await store.close()
    },
  }
  return started
}

/** The hash of {@link goodPassword}, made once: every alice of a process has it. */
let goodHash: Promise<string> | undefined

async function addAlice({ store, clock, auth }: { store: Store; clock: ManualClock; auth: Auth }): Promise<void> {
  if (await store.users.findByCanonicalName('alice')) return
  goodHash ??= auth.passwords.hash(goodPassword)
  await addUser(
    { store, clock, passwords: auth.passwords, revocations: auth.revocations },
    {
      username: 'alice',
      passwordHash: await goodHash,
      scopes: ['orders:read', 'orders:write'],
      roles: ['clerk'],
      email: 'alice@example.com',
      minimumPasswordLength: 15,
    },
    { actor: 'test' },
  )
}

/** HTTP Basic credentials, form-url-encoded as RFC 6749 section 2.3.1 asks. */
export const basic = (id: string, secret: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

/** The claims of a token, unverified. */
export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
