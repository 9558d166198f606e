import { METHODS } from 'node:http'
import { isReserved, reservedOnOtherHosts, reservedPrefixes } from '@gatehouse/core/paths'
import { resourceMetadataUrl } from '@gatehouse/guard/resource-metadata'
import { type AnswersDefinition, buildAnswers } from './answers/answer-rules.ts'
import { parseAuthority } from './authority.ts'
import { checkDefinition } from './authorize/check-definition.ts'
import { buildRequirement } from './authorize/requirement.ts'
import { buildService } from './build-service.ts'
import { type RouteDefinition, RouteError, type RouteFault, type ServiceDefinition } from './definitions.ts'
import { type PathPattern, parsePattern } from './path-pattern.ts'
import { buildPathRewrite, checkPathRewrite, type PathDefinition } from './rewrite/target-path.ts'
import type { Route, Service } from './route.ts'
import { newTrie, type RouteLeaf, type TrieNode } from './route-trie.ts'
import type { ConcurrencyLimit } from './traffic/concurrency-limit.ts'
import { arrangeLimits, buildLimits, checkLimits, type Limits } from './traffic/limits.ts'
import type { RateLimit } from './traffic/rate-limit.ts'

export { type RouteDefinition, RouteError, type RouteFault, type ServiceDefinition } from './definitions.ts'

/** All routes, compiled: plain data without connections. */
export interface RouteTable {
  readonly issuerHost: string
  readonly hosts: ReadonlyMap<string, TrieNode>
  readonly services: readonly Service[]
  readonly rateLimits: readonly RateLimit[]
  readonly concurrencyLimits: readonly ConcurrencyLimit[]
}

/** What {@link buildRouteTable} reads. */
export interface RouteTableInput {
  readonly issuerHost: string
  /** Further names of the issuer's host, such as the loopback names in development. */
  readonly issuerHostAliases?: readonly string[]
  /** The top-level audience, accepted by every service. */
  readonly audience: string
  readonly services: readonly ServiceDefinition[]
}

/**
 * Compiles the routes of all services into one trie per host. Throws one {@link RouteError} for all that is ambiguous,
 * incomplete or can never match, so that a mistake shows at load and not in traffic.
 */
export function buildRouteTable(input: RouteTableInput): RouteTable {
  const hosts = new Map<string, TrieNode>()
  const issuerHost = parseAuthority(input.issuerHost)
  if (issuerHost === undefined) throw faultOf('', undefined, `"${input.issuerHost}" is no host`)
  const issuerTrie = newTrie()
  for (const name of [issuerHost, ...(input.issuerHostAliases ?? [])])
    hosts.set(parseAuthority(name) ?? name, issuerTrie)
  for (const { host } of input.services) if (host !== undefined) addHost(hosts, host)
  const services: Service[] = []
  const limits: Limits[] = []
  const faults: RouteFault[] = []
  /** Goes on after a fault, so that one run tells all of them. */
  const noteFaults = <T>(step: () => T): T | undefined => {
    try {
      return step()
    } catch (error) {
      if (!(error instanceof RouteError)) throw error
      faults.push(...error.faults)
      return undefined
    }
  }
  for (const written of input.services) {
    const host = noteFaults(() => getHost(written, issuerHost, services))
    if (host === undefined) continue
    const trie = addHost(hosts, host)
    const build = (definition: ServiceDefinition): Service =>
      buildService(definition, services.length, input.audience, {
        host,
        onIssuerHost: trie === issuerTrie,
        resourceMetadata: findMetadata(definition.audience, hosts),
      })
    const built = noteFaults(() => build(written))
    if (written.routes.length === 0) continue
    const definition = built ? written : routesAlone(written)
    const service = built ?? build(definition)
    services.push(service)
    const ofService = { limits: buildLimits(definition, service.name), definition }
    limits.push(ofService.limits)
    for (const [index, route] of definition.routes.entries()) {
      const own = noteFaults(() => addRoute(trie, service, route, index, ofService))
      if (own) limits.push(own)
    }
  }
  if (faults.length > 0) throw new RouteError(faults)
  for (const trie of new Set(hosts.values())) finishTrie(trie)
  const rateLimits = limits.flatMap(({ rates }) => rates)
  const concurrencyLimits = limits.flatMap(({ concurrency }) => concurrency)
  return { issuerHost, hosts, services, rateLimits, concurrencyLimits }
}

const faultOf = (service: string, route: number | undefined, sentence: string): RouteError =>
  new RouteError([{ service, route, sentence }])

/** The host of a service whose name nobody else has. */
function getHost({ name, host }: ServiceDefinition, issuerHost: string, others: readonly Service[]): string {
  const found = host === undefined ? issuerHost : parseAuthority(host)
  if (found === undefined) throw faultOf(name, undefined, `"${host}" is no host`)
  if (others.some((other) => other.name === name)) {
    throw faultOf(name, undefined, 'the name is taken by another service')
  }
  return found
}

/** A service of which nothing but its routes is left to be looked at, since the rest is at fault and that is told. */
const routesAlone = ({ name, audience, stripPrefix, addPrefix, routes }: ServiceDefinition): ServiceDefinition => ({
  ...{ name, audience, stripPrefix, addPrefix, routes },
  upstream: [],
  forwardAuth: true,
})

/** The trie of a host, made where there is none. What is no host is complained of with its service. */
function addHost(hosts: Map<string, TrieNode>, name: string): TrieNode {
  const host = parseAuthority(name) ?? name
  const trie = hosts.get(host) ?? newTrie()
  hosts.set(host, trie)
  return trie
}

/** Metadata can be had only at the resource's own host, so there are none for one that is not ours. */
function findMetadata(audience: string, hosts: ReadonlyMap<string, TrieNode>): string | undefined {
  const url = resourceMetadataUrl(audience)
  return url !== undefined && hosts.has(parseAuthority(new URL(url).host) ?? '') ? url : undefined
}

const neverRouted: ReadonlySet<string> = new Set(['OPTIONS', 'TRACE', 'CONNECT'])

/** What a route has of its service. */
interface OfService {
  readonly limits: Limits
  readonly definition: AnswersDefinition & PathDefinition
}

/** Puts a route into the trie, and answers with the limits of its own. Throws one {@link RouteError} for all its faults. */
function addRoute(
  trie: TrieNode,
  service: Service,
  definition: RouteDefinition,
  index: number,
  ofService: OfService,
): Limits {
  const faults: RouteFault[] = []
  const fail = (sentence: string): void => void faults.push({ service: service.name, route: index, sentence })
  const pattern = parsePattern(definition.path)
  if ('fault' in pattern) throw faultOf(service.name, index, pattern.fault)
  const reserved = service.onIssuerHost ? reservedPrefixes : reservedOnOtherHosts
  if (isReserved(pattern.stem, reserved) || isReserved(pattern.prefix, reserved)) {
    fail(`"${definition.path}" lies where Gatehouse's own paths are`)
  }
  const rule = checkDefinition(definition.require)
  if (rule !== undefined) fail(rule)
  const observed = definition.observe === undefined ? undefined : checkDefinition(definition.observe)
  if (observed !== undefined) fail(observed.replaceAll(/\brequire\b/g, 'observe'))
  const limitFault = checkLimits(definition.limits)
  if (limitFault !== undefined) fail(limitFault)
  const ownPath = definition.stripPrefix !== undefined || definition.addPrefix !== undefined
  const path = ownPath ? definition : ofService.definition
  const pathFault = checkPathRewrite(path, pattern.stem)
  if (pathFault !== undefined) fail(pathFault)
  for (const sentence of checkMethods(definition.methods)) fail(sentence)
  if (faults.length > 0) throw new RouteError(faults)
  const own = buildLimits(definition, service.name)
  const limits = arrangeLimits(ofService.limits, own)
  const requirement = buildRequirement(definition.require)
  const bindsIdentity = definition.identity?.bind === 'request'
  if (bindsIdentity && requirement.credentials === 'ignored')
    fail('a route that asks for nothing has no identity to bind')
  const route: Route = {
    name: `${service.name} ${definition.path}`,
    service,
    requirement,
    observed: definition.observe && buildRequirement(definition.observe),
    bindsIdentity,
    streamsUntil: definition.streams?.until ?? 'session',
    parameters: pattern.parameters,
    ...limits,
    rewrite: buildPathRewrite(path),
    answers: buildAnswers(ofService.definition, limits.rates !== undefined),
  }
  const leaf = leafFor(trie, pattern, definition.path)
  if (definition.methods === undefined) {
    if (leaf.any !== undefined || leaf.methods.size > 0) fail(`"${definition.path}" stands twice for one method`)
    leaf.any = route
  }
  for (const method of definition.methods ?? []) {
    if (leaf.any !== undefined || leaf.methods.has(method)) fail(`${method} "${definition.path}" stands twice`)
    leaf.methods.set(method, route)
  }
  if (faults.length > 0) throw new RouteError(faults)
  return own
}

function* checkMethods(methods: RouteDefinition['methods']): Iterable<string> {
  if (methods?.length === 0) yield 'methods is empty: leave it out to mean every method'
  for (const method of methods ?? []) {
    if (neverRouted.has(method)) yield `${method} is never routed to a service`
    else if (!METHODS.includes(method)) yield `"${method}" is no method; methods are written in capitals`
  }
}

function leafFor(trie: TrieNode, pattern: PathPattern, text: string): RouteLeaf {
  const newLeaf = (): RouteLeaf => ({ pattern: text, methods: new Map(), any: undefined, allow: '' })
  let node = trie
  for (const segment of pattern.segments) {
    if (segment.kind === 'rest') {
      node.rest ??= newLeaf()
      return node.rest
    }
    if (segment.kind === 'parameter') {
      node.parameter ??= newTrie()
      node = node.parameter
    } else {
      const next = node.literals.get(segment.value) ?? newTrie()
      node.literals.set(segment.value, next)
      node = next
    }
  }
  node.leaf ??= newLeaf()
  return node.leaf
}

/** Lets GET include HEAD and writes the Allow headers, once every route is known. */
function finishTrie(node: TrieNode): void {
  for (const leaf of [node.leaf, node.rest]) {
    if (leaf === undefined) continue
    const get = leaf.methods.get('GET')
    if (get !== undefined && !leaf.methods.has('HEAD')) leaf.methods.set('HEAD', get)
    leaf.allow = leaf.any === undefined ? [...leaf.methods.keys()].join(', ') : 'GET, HEAD, POST, PUT, PATCH, DELETE'
  }
  for (const child of node.literals.values()) finishTrie(child)
  if (node.parameter !== undefined) finishTrie(node.parameter)
}

/** The route of a pattern for a method; absent = 405. */
export const findMethod = (leaf: RouteLeaf, method: string): Route | undefined =>
  leaf.methods.get(method) ?? (neverRouted.has(method) ? undefined : leaf.any)
