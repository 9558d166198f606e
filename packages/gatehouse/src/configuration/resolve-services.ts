import type { ConfiguredService } from '@gatehouse/auth/domain/clients'
import type { ProtectedResource } from '@gatehouse/auth/protocol/protected-resource'
import { parseDuration } from '@gatehouse/core/time'
import { securityHeaders } from '@gatehouse/gateway/answers/answer-rules'
import { parsePattern } from '@gatehouse/gateway/path-pattern'
import { buildRouteTable, RouteError, type RouteTable, type ServiceDefinition } from '@gatehouse/gateway/routes'
import { checkForwardAuth } from './check-forward-auth.ts'
import type { Report } from './problem.ts'
import { readUpstreamTls } from './read-upstream-tls.ts'
import { checkSecrets } from './resolve-clients.ts'
import { resolveRule } from './resolve-rule.ts'
import type { ConfigurationFile } from './schema.ts'

type ServiceEntry = NonNullable<ConfigurationFile['services']>[string]

/** The services as the gateway and as the authentication side see them. */
export interface ResolvedServices {
  readonly routes: RouteTable | undefined
  readonly services: readonly ConfiguredService[]
  /** Every scope that a route asks for, sorted. */
  readonly scopes: readonly string[]
}

/** Turns the services of a file into routes and audiences, and reports what cannot be meant. */
export function resolveServices(
  content: ConfigurationFile,
  context: { readonly issuer: URL; readonly audience: string; readonly development: boolean; readonly report: Report },
): ResolvedServices {
  const { report } = context
  const definitions: ServiceDefinition[] = []
  const services: ConfiguredService[] = []
  const scopes = new Set<string>()
  const ownerOf = new Map<string, string>()
  for (const [name, entry] of Object.entries(content.services ?? {})) {
    const audience = entry.audience ?? defaultAudience(entry, context.issuer)
    const owner = ownerOf.get(audience)
    if (owner !== undefined) {
      report(['services', name, 'audience'], `${audience} is the audience of ${owner} too; give each service its own`)
    }
    // What the gateway signs for this service would be good at every other that takes the top-level audience.
    if (audience === context.audience && Object.keys(content.services ?? {}).length > 1) {
      report(
        ['services', name, 'audience'],
        `${audience} is the top-level audience, which every service accepts; give this one an audience of its own`,
      )
    }
    ownerOf.set(audience, name)
    checkForwardAuth(name, entry, report)
    definitions.push(definitionOf(name, audience, entry, { https: context.issuer.protocol === 'https:', report }))
    const { secret: clientSecret, secret_previous: previousClientSecret } = entry.client ?? {}
    services.push({ name, audience, clientSecret, previousClientSecret, calls: [] })
    for (const { require } of entry.routes)
      if (typeof require === 'object') for (const scope of require.scopes ?? []) scopes.add(scope)
    checkSecrets(entry.client ?? {}, context.development, (key, message) =>
      report(['services', name, 'client', key], message),
    )
  }
  const resolved = services.map((service) => ({
    ...service,
    calls: resolveCalls(service.name, content, services, report),
  }))
  return { routes: buildTable(definitions, context), services: resolved, scopes: [...scopes].sort() }
}

/** The audiences of the services that one may call. */
function resolveCalls(
  name: string,
  { services: entries = {} }: ConfigurationFile,
  services: readonly ConfiguredService[],
  report: Report,
): readonly string[] {
  const { calls = [], client } = entries[name] ?? {}
  if (calls.length > 0 && client === undefined) {
    report(['services', name, 'calls'], 'needs client: { secret: … }: the service exchanges tokens by it')
  }
  return calls.flatMap((called, index) => {
    const place = ['services', name, 'calls', index]
    const found = services.find((service) => service.name === called)
    if (found === undefined)
      report(place, `there is no service ${called}; there are ${Object.keys(entries).join(', ')}`)
    else if (called === name) report(place, 'a service does not call itself through the gateway: leave it out')
    return found === undefined ? [] : [found.audience]
  })
}

/** What has metadata as a protected resource: everything together, and each service whose audience is a URL of ours. */
export function listResources(
  audience: string,
  scopes: readonly string[],
  routes: RouteTable | undefined,
): readonly ProtectedResource[] {
  const services = routes?.services.filter(({ resourceMetadata }) => resourceMetadata !== undefined) ?? []
  return [
    { resource: audience, name: 'Gatehouse', scopes },
    ...services.map((service) => ({ resource: service.audience, name: service.name, scopes: service.scopes })),
  ]
}

/** The public URL of the first route's fixed part. */
function defaultAudience(entry: ServiceEntry, issuer: URL): string {
  const origin = entry.host === undefined ? issuer.origin : `${issuer.protocol}//${entry.host}`
  const path = entry.routes[0]?.path ?? '/'
  const pattern = parsePattern(path)
  // What is wrong with the pattern is told; that the audience is another's too would only follow from it.
  return 'fault' in pattern ? origin + path : origin + (pattern.stem === '/' ? '' : pattern.stem)
}

function definitionOf(
  name: string,
  audience: string,
  entry: ServiceEntry,
  { https, report }: { readonly https: boolean; readonly report: Report },
): ServiceDefinition {
  const { connect, headers, idle } = entry.timeouts ?? {}
  return {
    name,
    audience,
    ...(entry.host === undefined ? {} : { host: entry.host }),
    session: entry.session,
    upstream: typeof entry.upstream === 'string' ? [entry.upstream] : (entry.upstream ?? []),
    connections: entry.connections,
    balance: entry.balance,
    upstreamTls:
      entry.upstream_tls &&
      readUpstreamTls(entry.upstream_tls, (key, message) => report(['services', name, 'upstream_tls', key], message)),
    ...(entry.health === undefined ? {} : { health: healthOf(entry.health) }),
    forwardAuth: entry.forward_auth,
    timeouts: {
      ...(connect === undefined ? {} : { connect: parseDuration(connect) ?? 0 }),
      ...(headers === undefined ? {} : { headers: parseDuration(headers) ?? 0 }),
      ...(idle === undefined ? {} : { idle: parseDuration(idle) ?? 0 }),
    },
    limits: limitsOf(entry.limits),
    stripPrefix: entry.strip_prefix,
    addPrefix: entry.add_prefix,
    cors: entry.cors && corsOf(entry.cors),
    responseHeaders: responseHeadersOf(entry, https),
    routes: entry.routes.map((route, index) => ({
      path: route.path,
      limits: limitsOf(route.limits),
      stripPrefix: route.strip_prefix,
      addPrefix: route.add_prefix,
      require: resolveRule(route.require, route.path, (key, message) =>
        report(['services', name, 'routes', index, 'require', ...key], message),
      ),
      ...(route.observe === undefined
        ? {}
        : {
            observe: resolveRule(route.observe, route.path, (key, message) =>
              report(['services', name, 'routes', index, 'observe', ...key], message),
            ),
          }),
      ...(route.methods === undefined ? {} : { methods: route.methods }),
      identity: route.identity,
      streams: route.streams,
    })),
  }
}

const healthOf = ({ path, every, timeout }: NonNullable<ServiceEntry['health']>) => ({
  path,
  every: every === undefined ? undefined : parseDuration(every),
  timeout: timeout === undefined ? undefined : parseDuration(timeout),
})

function corsOf({ max_age, ...cors }: NonNullable<ServiceEntry['cors']>): NonNullable<ServiceDefinition['cors']> {
  return max_age === undefined ? cors : { ...cors, maxAge: parseDuration(max_age) ?? 0 }
}

function responseHeadersOf(entry: ServiceEntry, https: boolean): ServiceDefinition['responseHeaders'] {
  if (entry.security_headers !== true) return entry.response_headers
  const own = Object.entries(entry.response_headers?.set ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return { ...entry.response_headers, set: { ...securityHeaders(https), ...Object.fromEntries(own) } }
}

type LimitsEntry = NonNullable<ServiceEntry['limits']>

const limitsOf = (entry: LimitsEntry = {}): NonNullable<ServiceDefinition['limits']> => ({
  ...entry,
  rate: entry.rate?.map(({ in: window, ...rate }) => ({ ...rate, window: parseDuration(window) ?? 0 })),
})

/** An upstream that carries a password is refused, and must not be repeated with it. */
const withoutPassword = (message: string): string => message.replaceAll(/\/\/[^\s"/@]*@/g, '//…@')

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

function buildTable(
  services: readonly ServiceDefinition[],
  { issuer, audience, development, report }: { issuer: URL; audience: string; development: boolean; report: Report },
): RouteTable | undefined {
  const port = issuer.port === '' ? '' : `:${issuer.port}`
  try {
    return buildRouteTable({
      issuerHost: issuer.host,
      ...(development ? { issuerHostAliases: loopbackNames.map((name) => `${name}${port}`) } : {}),
      audience,
      services,
    })
  } catch (error) {
    if (!(error instanceof RouteError)) throw error
    for (const { service, route, sentence } of error.faults) {
      const place = ['services', service]
      report(route === undefined ? place : [...place, 'routes', route], withoutPassword(sentence))
    }
    return undefined
  }
}
