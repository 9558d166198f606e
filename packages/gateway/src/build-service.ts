import { checkAnswers } from './answers/answer-rules.ts'
import type { RequireDefinition } from './authorize/requirement.ts'
import { RouteError, type ServiceDefinition } from './definitions.ts'
import { findHttp2Origin } from './forward/upstream-options.ts'
import type { Service } from './route.ts'
import { checkLimits } from './traffic/limits.ts'

/** Makes a service ready. Throws {@link RouteError} for all that is incomplete or cannot be meant. */
export function buildService(
  definition: ServiceDefinition,
  index: number,
  audience: string,
  place: Pick<Service, 'host' | 'onIssuerHost' | 'resourceMetadata'>,
): Service {
  const sentences: string[] = []
  const fail = (sentence: string): void => void sentences.push(sentence)
  if (definition.routes.length === 0) fail('a service without a route can never be reached')
  if (definition.upstream.length === 0 && !definition.forwardAuth)
    fail('a service needs an upstream, or forward_auth: true where another proxy forwards to it')
  const { connect = 5, headers = 30, idle = 120 } = definition.timeouts ?? {}
  if (![connect, headers, idle].every((value) => value > 0 && value <= 86_400)) {
    fail('timeouts are seconds above 0 and up to a day')
  }
  const { connections } = definition
  if (connections !== undefined && !(Number.isSafeInteger(connections) && connections >= 1 && connections <= 65_535)) {
    fail('connections is a whole number from 1 to 65535')
  }
  const limits = checkLimits(definition.limits)
  if (limits !== undefined) fail(limits)
  const answers = checkAnswers(definition)
  if (answers !== undefined) fail(answers)
  const upstreamFault = checkUpstreamOptions(definition)
  if (upstreamFault !== undefined) fail(upstreamFault)
  const { balance = 'round_robin', upstreamTls, health } = definition
  const upstreams = definition.upstream.flatMap((url) => {
    const origin = parseUpstream(url)
    if (origin === undefined) fail(`"${url}" is no origin of http, https, h2c or h2`)
    return origin ?? []
  })
  if (sentences.length > 0) {
    throw new RouteError(sentences.map((sentence) => ({ service: definition.name, route: undefined, sentence })))
  }
  return {
    index,
    name: definition.name,
    audience: definition.audience,
    audiences: definition.audience === audience ? [audience] : [audience, definition.audience],
    upstreams,
    timeouts: { connect: milliseconds(connect), headers: milliseconds(headers), idle: milliseconds(idle) },
    connections,
    balance,
    upstreamTls,
    health: health && {
      path: health.path,
      every: milliseconds(health.every ?? 10),
      timeout: milliseconds(health.timeout ?? 2),
    },
    session: definition.session === 'cookie',
    scopes: [...new Set(definition.routes.flatMap(({ require }) => scopesOf(require)))].sort(),
    ...place,
  }
}

function checkUpstreamOptions({ upstream, upstreamTls: tls, health }: ServiceDefinition): string | undefined {
  if (tls !== undefined) {
    if (upstream.some((url) => !/^(?:https|h2):/.test(url))) return 'upstream_tls is for upstreams at https or h2 alone'
    if ((tls.cert === undefined) !== (tls.key === undefined)) return 'upstream_tls: cert and key go together'
  }
  if (health === undefined) return undefined
  const { path, every = 10, timeout = 2 } = health
  if (!/^\/[\x21-\x7e]*$/.test(path) || path.includes('#')) return 'health.path is a path such as /healthz'
  const inTime = every >= 1 && every <= 3600 && timeout >= 1 && timeout <= 60
  return inTime ? undefined : 'health: every is from 1s to 1h, timeout from 1s to 1m'
}

const scopesOf = (rule: RequireDefinition): readonly string[] =>
  typeof rule === 'object' && rule !== null ? (rule.scopes ?? []) : []

const milliseconds = (seconds: number): number => Math.ceil(seconds * 1000)

/** An upstream without anything but scheme, host and port, as it is known by. */
function parseUpstream(text: string): string | undefined {
  const http2 = findHttp2Origin(text)
  const origin = parseOrigin(http2 ?? text)
  if (http2 === undefined || origin === undefined) return origin
  return origin.startsWith('https:') ? `h2${origin.slice(5)}` : `h2c${origin.slice(4)}`
}

function parseOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const bare =
    url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  return bare && (url.protocol === 'http:' || url.protocol === 'https:') ? url.origin : undefined
}
