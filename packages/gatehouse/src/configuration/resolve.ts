import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import { type GrantType, grantTypes } from '@gatehouse/auth/domain/client-metadata'
import type { RegistrationPolicy } from '@gatehouse/auth/domain/client-registration'
import { defaultHashParameters } from '@gatehouse/auth/domain/passwords'
import { parseRange } from '@gatehouse/auth/http/client-address'
import { canSend } from '@gatehouse/auth/mail/open-outbox'
import type { Seconds } from '@gatehouse/core/brand'
import type { Configuration, ListenAddress } from './configuration.ts'
import { duration } from './duration.ts'
import { isLoopback } from './loopback.ts'
import { findNamedRoles } from './named-roles.ts'
import type { Report } from './problem.ts'
import { resolveApps } from './resolve-apps.ts'
import { resolveBrand } from './resolve-brand.ts'
import { resolveBreached } from './resolve-breached.ts'
import { checkCertificateClients, resolveCertificates } from './resolve-certificates.ts'
import { resolveClients } from './resolve-clients.ts'
import { resolveLifetimes, resolveSessionLimits, warnOfSeldomUses } from './resolve-lifetimes.ts'
import { resolveMail, warnOfUnsent, warnOfUntold } from './resolve-mail.ts'
import { resolveOrganisations, resolveRoleScopes } from './resolve-organisations.ts'
import { resolveProviders } from './resolve-providers.ts'
import { listResources, resolveServices } from './resolve-services.ts'
import { resolveSignInMethods, resolveSignUp } from './resolve-sign-in.ts'
import { resolveTrustedIssuers } from './resolve-trusted-issuers.ts'
import type { ConfigurationFile } from './schema.ts'
import { resolveMasterKey } from './secrets.ts'
import { warnOfUnreachable } from './warn-of-unreachable.ts'

/** What remains open in a resolved configuration: in development the master key is made later, beside the data. */
export type ResolvedConfiguration = Omit<Configuration, 'masterKey' | 'routes'> & {
  readonly masterKey: Configuration['masterKey'] | undefined
  readonly routes: Configuration['routes'] | undefined
}

/** Turns a file of the right shape into what the program runs on, and reports everything that cannot be meant. */
export function resolveConfiguration(
  content: ConfigurationFile,
  {
    file,
    development,
    report,
    warn,
  }: {
    readonly file: string
    readonly development: boolean
    readonly report: Report
    /** Notes what is probably a mistake, and stops nothing. */
    readonly warn: Report
  },
): ResolvedConfiguration {
  const issuer = resolveIssuer(content.issuer, development, report)
  const audience = content.audience ?? content.issuer
  const listen = resolveListen(content.listen ?? '127.0.0.1:8080', ['listen'], report)
  if (development && !isLoopback(listen.host)) {
    report(['listen'], 'development mode listens on this machine alone: 127.0.0.1, localhost or [::1]')
  }
  const context = { development, report }
  const metricsListen = resolveListenBeside(content.metrics?.listen, ['metrics', 'listen'], context)
  const extAuthz = resolveListenBeside(content.ext_authz?.listen, ['ext_authz', 'listen'], context)
  if (extAuthz && (content.trusted_proxies ?? []).length === 0) {
    report(['ext_authz'], 'answers trusted_proxies alone, and there are none')
  }
  checkLists(content, report)
  const masterKey = resolveMasterKey(content, { development, report })
  const clients = resolveClients(content, { development, report })
  const certificates = resolveCertificates(content, report)
  checkCertificateClients(clients, certificates, report)
  warnOfUnreachable(content, { development, warn })
  const { routes, services, scopes } = resolveServices(content, { issuer, audience, development, report })
  const database = content.database ?? resolve(dirname(file), 'data/gatehouse.db')
  checkDatabase(database, development, report)
  const mail = resolveMail(content, { development, report })
  const signing = { development, canSend: canSend(mail), scopes, report }
  const lifetimes = resolveLifetimes(content, report)
  const sessionLimits = resolveSessionLimits(content, report)
  warnOfSeldomUses(content, { lifetimes, sessionLimits }, warn)
  const workers = content.workers === 'auto' ? availableParallelism() : (content.workers ?? 1)
  return {
    file,
    development,
    warnings: [...certificates.warnings, ...warnOfUnsent(content, context), ...warnOfUntold(clients, mail)],
    issuer: content.issuer,
    listen,
    database,
    masterKey,
    routes,
    resources: listResources(audience, scopes, routes),
    certificates,
    trustedProxies: content.trusted_proxies ?? [],
    firstPartyOrigins: new Set(content.first_party_origins ?? []),
    httpsFor: resolveHttpsFor(content, issuer, { development, report }),
    loginApi: content.login_api ?? true,
    asksForPidFile: content.pid_file !== undefined,
    pidFile: content.pid_file ?? (isDatabaseFile(database) ? `${database}.pid` : undefined),
    hashing: resolveHashing(content, workers),
    breachedPasswords: resolveBreached(content, { development, report }),
    mail,
    metrics: {
      allow: content.metrics?.allow ?? [],
      listen: metricsListen,
    },
    extAuthz,
    auditKept: duration(content.audit?.keep, 400 * 86_400, { least: 86_400, key: ['audit', 'keep'], report }),
    refusalsKept: duration(content.audit?.keep_refusals, 7 * 86_400, {
      ...{ least: 0, most: 90 * 86_400 },
      ...{ key: ['audit', 'keep_refusals'], report },
    }),
    logLevel: content.log?.level ?? 'info',
    workers,
    namedRoles: findNamedRoles(content),
    auth: {
      audience,
      clients,
      services,
      apps: resolveApps(content, { issuer, development, report }),
      lifetimes,
      minimumPasswordLength: content.passwords?.minimum_length ?? 15,
      requireClientToValidate: content.validate?.require_client ?? false,
      rotateKeysEvery: duration(content.keys?.rotate_every, 90 * 86_400, {
        least: 3600,
        key: ['keys', 'rotate_every'],
        report,
      }),
      routeScopes: scopes,
      registration: resolveRegistration(content, { development, scopes, report }),
      sessionLimits,
      secondFactor: {
        requiredForRoles: content.second_factor?.required_for_roles ?? [],
        rememberFor: duration(content.second_factor?.remember_for, 30 * 86_400, {
          least: 0,
          most: 365 * 86_400,
          key: ['second_factor', 'remember_for'],
          report,
        }),
      },
      brand: resolveBrand(content, report),
      signUp: resolveSignUp(content, signing),
      providers: resolveProviders(content, { development, report }),
      signInMethods: resolveSignInMethods(content, signing),
      roleScopes: resolveRoleScopes(content, report),
      organisations: resolveOrganisations(content, report),
      requireDpopNonce: content.dpop?.require_nonce ?? true,
      requirePushedRequests: content.require_pushed_authorization_requests ?? false,
      authorizationDetails: content.authorization_details ?? {},
      trustedIssuers: resolveTrustedIssuers(content, { development, report }),
    },
  }
}

/** Nothing is said of names of this machine, by which browsers come to whatever else is developed on it. */
function resolveHttpsFor(
  content: ConfigurationFile,
  { protocol, hostname }: URL,
  { development, report }: { readonly development: boolean; readonly report: Report },
): Seconds | undefined {
  const limits = { least: 0, key: ['strict_transport_security'], report }
  const httpsFor = duration(content.strict_transport_security, 365 * 86_400, limits)
  const isHere = development || isLoopback(hostname) || hostname.endsWith('.localhost')
  return protocol === 'https:' && !isHere ? httpsFor : undefined
}

/** A listener beside the first one. */
function resolveListenBeside(
  value: string | undefined,
  key: readonly string[],
  { development, report }: { readonly development: boolean; readonly report: Report },
): ListenAddress | undefined {
  if (value === undefined) return undefined
  const listen = resolveListen(value, key, report)
  if (development && !isLoopback(listen.host)) {
    report(key, 'development mode listens on this machine alone: 127.0.0.1, localhost or [::1]')
  }
  return listen
}

const closedTypes: readonly GrantType[] = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
]

/** In development anybody may register, for everything that the routes ask for. */
function resolveRegistration(
  content: ConfigurationFile,
  {
    development,
    scopes,
    report,
  }: { readonly development: boolean; readonly scopes: readonly string[]; readonly report: Report },
): RegistrationPolicy {
  const { registration } = content
  return {
    mode: registration?.mode ?? (development ? 'open' : 'off'),
    documents: registration?.client_id_metadata_documents ?? development,
    scopes: registration?.scopes ?? (development ? [...scopes] : []),
    audiences: registration?.audiences ?? (development ? ['*'] : []),
    grantTypes: registration?.grant_types ?? (development ? [...grantTypes] : closedTypes),
    limit: registration?.limit ?? 1000,
    unusedFor: duration(registration?.unused_for, 90 * 86_400, {
      least: 86_400,
      key: ['registration', 'unused_for'],
      report,
    }),
    perMinute: registration?.per_minute ?? (development ? 1000 : 10),
    loopbackRedirects: development,
  }
}

function resolveIssuer(text: string, development: boolean, report: Report): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    report(['issuer'], 'expected an https URL such as https://auth.example.com')
    return new URL('https://invalid.invalid')
  }
  if (url.protocol === 'http:' && !development) {
    report(['issuer'], `expected https outside development: https://${url.host}`)
  } else if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    report(['issuer'], 'an http issuer is for this machine alone, such as http://localhost:8080')
  }
  if (url.origin !== text) report(['issuer'], `expected no path, query, user or slash at the end: ${url.origin}`)
  return url
}

function resolveListen(text: string, key: readonly string[], report: Report): ListenAddress {
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  if (port > 65_535) report(key, 'expected a port of at most 65535')
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port }
}

/** Whether a database is a file, beside which other files can lie. */
export const isDatabaseFile = (database: string): boolean => !database.includes('://') && database !== ':memory:'

function checkDatabase(database: string, development: boolean, report: Report): void {
  const isPostgres = /^postgres(ql)?:\/\//.test(database)
  if (isPostgres ? !URL.canParse(database) : database.includes('://')) {
    report(['database'], 'expected a file, or postgres://user:password@host/database')
  } else if (database === ':memory:' && !development) {
    report(['database'], 'nothing of it would outlive the process; expected a file, or postgres://…')
  }
}

function checkLists(content: ConfigurationFile, report: Report): void {
  const ranges = [
    { key: ['trusted_proxies'], list: content.trusted_proxies ?? [] },
    { key: ['metrics', 'allow'], list: content.metrics?.allow ?? [] },
  ]
  for (const { key, list } of ranges) {
    for (const [index, range] of list.entries()) {
      if (!parseRange(range)) report([...key, index], 'expected an address or a range such as 10.0.0.0/8')
    }
  }
  for (const [index, origin] of (content.first_party_origins ?? []).entries()) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      report(['first_party_origins', index], 'expected an origin such as https://app.example.com')
    }
  }
}

function resolveHashing(content: ConfigurationFile, workers: number): Configuration['hashing'] {
  const { memory_kib, passes, hashes_at_a_time, hashes_waiting } = content.passwords ?? {}
  const processors = availableParallelism() / workers
  return {
    parameters: {
      ...defaultHashParameters,
      memory: memory_kib ?? defaultHashParameters.memory,
      passes: passes ?? defaultHashParameters.passes,
    },
    // Each has a thread of its own; more than three at a time would only crowd out everything else.
    atATime: hashes_at_a_time ?? Math.max(1, Math.min(3, Math.floor(processors))),
    mayWait: hashes_waiting ?? 100,
    // A quarter of the processors, but never so little that nobody can sign in.
    processorsWhenBusy: Math.max(0.25, processors / 4),
  }
}
