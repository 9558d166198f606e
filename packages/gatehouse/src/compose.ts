import type { IncomingMessage } from 'node:http'
import { type Auth, createAuth } from '@gatehouse/auth/auth'
import { endRemovedClients } from '@gatehouse/auth/domain/client-administration'
import type { Hint } from '@gatehouse/auth/domain/revocations'
import { type ClientAddresses, createClientAddresses } from '@gatehouse/auth/http/client-address'
import { type ClientCertificate, findClientCertificate } from '@gatehouse/auth/http/client-certificate'
import { mountEndpoints } from '@gatehouse/auth/http/mount'
import { createResourceMetadata } from '@gatehouse/auth/protocol/protected-resource'
import { withReference } from '@gatehouse/auth/reference/reference'
import type { ClientId } from '@gatehouse/core/brand'
import { paths } from '@gatehouse/core/paths'
import { RemovalClock } from '@gatehouse/core/removal-clock'
import { type Clock, seconds } from '@gatehouse/core/time'
import { parseAuthority } from '@gatehouse/gateway/authority'
import type { ExtAuthzServer } from '@gatehouse/gateway/ext-authz/server'
import { createGateway } from '@gatehouse/gateway/gateway'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import type { Store } from '@gatehouse/store/store'
import { type Background, startBackground } from './background.ts'
import type { Configuration } from './configuration/configuration.ts'
import { seesClientCertificates } from './configuration/resolve-certificates.ts'
import { nameDatabase } from './database.ts'
import { createHealth, troubleWords } from './health.ts'
import { servedBeside } from './served-beside.ts'
import { createFrontDoor, createFrontServer, type FrontServer, isTlsServer } from './server.ts'
import { findWayToOthers, type Siblings } from './siblings.ts'
import { createClientNoticeLog } from './telemetry/client-notice-log.ts'
import { createEndpointRefusalLog } from './telemetry/endpoint-refusals.ts'
import type { Logger } from './telemetry/log.ts'
import { createMailFailureLog } from './telemetry/mail-failure-log.ts'
import { createMetricsPage } from './telemetry/metrics-page.ts'
import { createRefusalRecord } from './telemetry/refusal-record.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { createTraffic } from './telemetry/traffic.ts'
import { type CertificateKeeper, createCertificateKeeper } from './tls/certificate-keeper.ts'
import { buildTlsOptions, replaceCertificates } from './tls/tls-options.ts'
import { readVersion } from './version.ts'

/** What a program is composed of. */
export interface Parts {
  readonly configuration: Configuration
  /** Open and migrated. */
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Tells the other processes of this machine; those of other machines hear of it through the store. */
  readonly hintSiblings: Hint
  /** Says something to those, as {@link Store.broadcast}; absent where there are none. */
  readonly tellSiblings?: Siblings['tell']
  readonly isPrimary: boolean
}

/** The composed program: a server that does not listen yet. */
export interface Program {
  readonly parts: Parts
  readonly server: FrontServer
  /** Serves /metrics alone, where that is configured. */
  readonly metricsServer: FrontServer | undefined
  /** Answers Envoys over gRPC, where that is configured. */
  readonly extAuthz: ExtAuthzServer | undefined
  readonly auth: Auth
  /** The certificates of the listener and of its clients' authorities. */
  readonly certificates: CertificateKeeper
  /** Throws where the file defines a client that was added at run time too: nobody could tell which one is meant. */
  checkClients(configuration: Configuration): Promise<void>
  /** What it runs on: as it was started, or as the last reload left it. */
  readonly current: Configuration
  /**
   * Swaps services, routes, clients, lifetimes and whatever else needs no restart, at once and together. What it returns ends what clients were given that
   * the file defines no more.
   */
  reload(configuration: Configuration): () => Promise<void>
  onHint(channel: string): void
  /** Another process of this machine says something. */
  onMessage(message: string): void
  /** Not ready from now on; requests are still answered. */
  announceStop(): void
  /** Ends what is still under way, and says why. Call it before connections are broken. */
  endRunning(): void
  /** Ends what runs beside the requests and closes the store. Call it when the server has closed. */
  close(): Promise<void>
}

/** Requests per second, beside sign-ins, from which on password hashes leave most of the processors to them. */
const busyRate = 1000

/** The one place where things are built and handed to each other. */
export async function compose(parts: Parts): Promise<Program> {
  const { configuration, store, clock, log } = parts
  const telemetry = createTelemetry()
  const traffic = createTraffic()
  let background: Background | undefined
  const auth = await createAuth({
    issuer: configuration.issuer,
    store,
    clock,
    masterKey: configuration.masterKey,
    settings: configuration.auth,
    loginApi: configuration.loginApi,
    allowLoopbackRequests: configuration.development,
    seesCertificates: seesClientCertificates(configuration.certificates),
    hashing: {
      ...configuration.hashing,
      yielding: { isBusy: () => traffic.perSecond > busyRate, processors: configuration.hashing.processorsWhenBusy },
    },
    hint: async (channel) => {
      await Promise.all([store.notify(channel), parts.hintSiblings(channel)])
    },
    mail: configuration.mail,
    breachedPasswords: configuration.breachedPasswords,
    onMailQueued: () => background?.onMailQueued(),
    onMailFailure: createMailFailureLog(log, clock),
    onProviderFailure: (failure) => log.warn(failure, 'nothing came of asking an outside provider'),
    onClientNotice: createClientNoticeLog(log, telemetry.clientNotices),
    counters: {
      onBreachedLookupFailure: () => telemetry.breachedPasswordLookups.count('failed'),
      onMail: (result) => telemetry.mails.count(result),
      onSignIn: (result) => telemetry.signIns.count(result),
      onIssued: (grantType) => telemetry.tokensIssued.count(grantType),
      onValidated: (reason) => telemetry.validations.count(reason),
    },
  })
  await checkClients(store, configuration)
  const endRemoved = async (definedBefore: readonly string[]): Promise<void> => {
    if (!parts.isPrimary) return
    const isConfigured = (id: string) => auth.clients.isConfigured(id) || auth.clients.isDocument(id)
    const by = { actor: 'configuration' }
    await endRemovedClients({ store, clock, revocations: auth.revocations, isConfigured }, definedBefore, by)
  }
  await endRemoved([])
  let current = configuration

  const addresses = createClientAddresses(configuration.trustedProxies, (peer) =>
    log.warn(
      { peer },
      `X-Forwarded-For from ${peer}, which trusted_proxies does not name: if that is a proxy of yours, everybody behind it counts as one address, for limits too`,
    ),
  )
  const certificates = createCertificateKeeper({
    files: configuration.certificates.files,
    clock,
    log,
    onChange: (next) => isTlsServer(server) && replaceCertificates(server, next),
  })
  if (certificates.current.identity) {
    telemetry.watch(
      'gatehouse_certificate_expires_at',
      'When the certificate of the listener expires, in Unix seconds',
      () => Number(certificates.current.identity?.expiresAt),
    )
  }
  const findCertificate = certificateFinder({ configuration, clock, addresses, certificates })
  const refusalRecord = createRefusalRecord({
    ...{ refusals: store.refusals, clock, log },
    keep: () => current.refusalsKept,
  })
  const logDenial = (entry: RefusalEntry): void => {
    log[entry.status >= 500 ? 'warn' : 'info'](entry, 'request refused')
    refusalRecord.add(entry)
  }
  const tellOthers = findWayToOthers(store, parts.tellSiblings)
  const gateway = createGateway(configuration.routes, {
    clock,
    verify: (token, audiences, possession) => auth.verifier.verify(token, audiences, possession),
    dpop: {
      scheme: configuration.issuer.startsWith('https:') ? 'https' : 'http',
      isNonceAcceptable: (nonce) => auth.dpop.nonces.isAcceptable(nonce, auth.dpop.requiresNonce),
      currentNonce: () => auth.dpop.nonces.current(),
      consume: (proof) => auth.dpop.consume(proof),
    },
    ...(seesClientCertificates(configuration.certificates)
      ? { findCertificateThumbprint: (request) => findCertificate(request)?.thumbprint }
      : {}),
    ...(configuration.certificates.header === undefined ? {} : { hiddenHeaders: [configuration.certificates.header] }),
    apps: auth.apps,
    publicScheme: configuration.issuer.startsWith('https:') ? 'https' : 'http',
    isRevoked: (token) => auth.revocations.set.isRevoked(token),
    findEnd: auth.findEnd,
    supposeTwoFactors: auth.supposeTwoFactors,
    issueIdentity: (token, service, request) => auth.accessTokens.issueIdentity(token, service, request),
    onObservation: (route, outcome) => telemetry.observations.count(route, outcome),
    logObservation: (entry) => log.info(entry, 'request let through that the observed rule would refuse'),
    onDecision: ({ route, outcome }) => telemetry.decisions.count(route, outcome),
    onAnswer(route, _status, seconds) {
      traffic.count()
      telemetry.gatewaySeconds.observe(route, seconds)
    },
    log: logDenial,
    ...(tellOthers === undefined ? {} : { tellOthers }),
    origin: {
      address: (request) => addresses.find(request),
      scheme: (request) => addresses.findScheme(request),
      isTrustedProxy: (request) => addresses.isFromTrustedProxy(request),
      findStated: (request) => addresses.findStated(request),
    },
    allowFailure(address) {
      auth.failures.count(address)
      return !auth.failures.isOver(address)
    },
  })
  auth.revocations.watch({ onEffective: (entries) => gateway.endRevoked(entries) })
  const resourceMetadata = createResourceMetadata({
    issuer: configuration.issuer,
    resources: () => current.resources,
    certificateBound: seesClientCertificates(configuration.certificates),
  })
  const { issuer } = configuration
  const endpoints = withReference(auth.endpoints, { issuer, version: readVersion(), others: servedBeside })
  const issuerHosts = issuerHostsOf(configuration)
  const mount = mountEndpoints(endpoints, {
    addresses,
    firstPartyOrigins: () => current.firstPartyOrigins,
    // How an app's host is come to is for the app to say: this would take the place of what it has said.
    httpsFor: ({ headers }) =>
      issuerHosts.has(parseAuthority(headers.host ?? '') ?? '') ? current.httpsFor : undefined,
    findCertificate,
    looks: auth.looks,
    log: createEndpointRefusalLog(log, refusalRecord),
    onAnswer(path, status, seconds) {
      if (path !== paths.login) traffic.count()
      telemetry.endpointAnswers.count(path, String(status))
      telemetry.endpointSeconds.observe(path, seconds)
    },
  })
  telemetry.watch('gatehouse_hash_queue_depth', 'Password hashes that run or wait', () => auth.passwords.depth)
  telemetry.watch('gatehouse_verified_tokens', 'Tokens whose verification is remembered', () => auth.verifier.cached)
  telemetry.watch('gatehouse_revocations', 'Revocations held in memory', () => auth.revocations.set.size)
  telemetry.watch('gatehouse_feed_readers', 'Readers of the revocation feed', () => auth.feed.readers)

  watchWrites(parts, telemetry)
  const health = createHealth({
    ping: () => store.ping(),
    revocationsCurrent: () => auth.revocations.set.current,
    writeTrouble: () => store.writes.trouble,
  })
  const metricsPage = createMetricsPage(telemetry, { addresses, allow: configuration.metrics.allow })
  const separate = configuration.metrics.listen !== undefined
  const frontDoor = createFrontDoor({
    mount,
    gateway,
    resourceMetadata,
    issuerHost: new URL(configuration.issuer).host,
    health,
    metricsPage: separate ? undefined : metricsPage,
    isIssuerHost: (host) => issuerHosts.has(host),
    logRefusal: logDenial,
  })
  // gRPC is loaded by those alone who use it.
  const extAuthz =
    configuration.extAuthz && (await import('@gatehouse/gateway/ext-authz/server')).createExtAuthzServer(gateway)
  const { identity } = certificates.current
  const tls = identity && buildTlsOptions(certificates.current, configuration.certificates.ask)
  // As gRPC, HTTP/2 is loaded by those alone who use it.
  const http2 = tls && configuration.certificates.http2 && (await import('@gatehouse/gateway/http2/connections'))
  const server = createFrontServer(frontDoor, logDenial, tls, http2 ? http2.createHttp2Connections : undefined)
  const removal = new RemovalClock(clock)
  const started = startBackground({
    store,
    auth,
    log,
    telemetry,
    writeRefusals: () => refusalRecord.write(),
    auditFrom: () => seconds(removal.now() - current.auditKept),
    isPrimary: parts.isPrimary,
  })
  background = started
  const stopListening = await store.listen(
    (channel) => started.onHint(channel),
    (message) => gateway.hearOther(message),
  )

  return {
    parts,
    server,
    metricsServer: separate
      ? createFrontServer((request, response) => metricsPage.answer(request, response, true), logDenial)
      : undefined,
    extAuthz,
    auth,
    certificates,
    checkClients: (next) => checkClients(store, next),
    get current() {
      return current
    },
    reload(next) {
      const definedBefore = current.auth.clients.map(({ id }) => id)
      certificates.check()
      addresses.replace(next.trustedProxies)
      auth.replaceSettings(next.auth)
      gateway.replace(next.routes)
      tellNewAudiences(log, current.routes, next.routes)
      current = next
      return () => endRemoved(definedBefore)
    },
    onHint: (channel) => started.onHint(channel),
    onMessage: (message) => gateway.hearOther(message),
    announceStop() {
      health.stopping()
      // Its readers find another replica meanwhile; their answers would never end by themselves.
      auth.feed.close()
    },
    endRunning: () => gateway.endRunning(),
    async close() {
      certificates.stop()
      await gateway.close()
      mount.close()
      auth.close()
      await auth.passwords.close()
      await started.stop()
      await stopListening()
      await store.close()
    },
  }
}

/** Says once what keeps writes from succeeding, and when they do again. */
function watchWrites({ configuration, store, log }: Parts, telemetry: Telemetry): void {
  const database = nameDatabase(configuration.database)
  store.writes.onChange((trouble) => {
    if (trouble === undefined) log.info({ database }, 'writes succeed again')
    else if (trouble === 'damaged')
      log.error({ database }, 'the database is damaged: stop, and restore a backup (docs/guides/backup.md)')
    else log.error({ database, why: troubleWords[trouble] }, 'writes fail; what needs none goes on')
  })
  telemetry.watch('gatehouse_writes_failing', 'Whether the last write to the database failed', () =>
    store.writes.trouble === undefined ? 0 : 1,
  )
}

/** How the client certificate of a request is found. */
function certificateFinder({
  configuration,
  clock,
  addresses,
  certificates,
}: {
  readonly configuration: Configuration
  readonly clock: Clock
  readonly addresses: ClientAddresses
  readonly certificates: CertificateKeeper
}): (request: IncomingMessage) => ClientCertificate | undefined {
  const { header } = configuration.certificates
  return (request) => {
    const { authorities } = certificates.current
    return findClientCertificate(request, {
      isTrustedProxy: addresses.isFromTrustedProxy,
      header,
      authorities: authorities.length === 0 ? undefined : { certificates: authorities, clock },
    })
  }
}

async function checkClients(store: Store, { file, auth }: Configuration): Promise<void> {
  const found = await Promise.all(auth.clients.map(({ id }) => store.clients.find(id as ClientId))) // ids from a checked file
  const twice = found.filter((row) => row !== undefined).map(({ id }) => id)
  if (twice.length > 0) {
    throw new Error(
      `${file}: clients added by \`gatehouse client add\` have these ids already: ${twice.join(', ')}; choose others`,
    )
  }
}

/** In development the loopback names count as one host. */
function issuerHostsOf({ issuer, development }: Configuration): ReadonlySet<string> {
  const { host, port } = new URL(issuer)
  const names = development
    ? ['localhost', '127.0.0.1', '[::1]'].map((name) => (port === '' ? name : `${name}:${port}`))
    : []
  return new Set([host, ...names])
}

/** A service checks tokens by its audience, which is that of its first route where nothing else is said: a new one is news to it. */
function tellNewAudiences(log: Logger, before: Configuration['routes'], next: Configuration['routes']): void {
  const known = new Map(before.services.map(({ name, audience }) => [name, audience]))
  for (const { name, audience } of next.services) {
    const was = known.get(name)
    if (was === undefined || was === audience) continue
    log.warn(
      { service: name, before: was, audience },
      `the audience of ${name} is ${audience} from now on, and was ${was}: a guard there has to say so too (set services.${name}.audience to keep one)`,
    )
  }
}
