import type { AnswerRules } from './answers/answer-rules.ts'
import type { Requirement } from './authorize/requirement.ts'
import type { Balance, HealthCheck, UpstreamOptions, UpstreamTls } from './forward/upstream-options.ts'
import type { PatternParameter } from './path-pattern.ts'
import type { PathRewrite } from './rewrite/target-path.ts'
import type { ConcurrencyLimit } from './traffic/concurrency-limit.ts'
import type { RouteRates } from './traffic/rate-limit.ts'

/** A service, ready. */
export interface Service {
  /** Its place in the route table's `services`. */
  readonly index: number
  readonly name: string
  /** The host of its routes, in lower case. */
  readonly host: string
  readonly audience: string
  /** The audiences that a token may have: the top-level one and the service's own. */
  readonly audiences: readonly string[]
  /** Where its metadata as a protected resource are; absent where its audience is no URL of a host that is served here. */
  readonly resourceMetadata: string | undefined
  /** Every scope that one of its routes asks for. */
  readonly scopes: readonly string[]
  readonly upstreams: readonly string[]
  readonly timeouts: UpstreamOptions['timeouts']
  readonly connections: number | undefined
  readonly balance: Balance
  readonly upstreamTls: UpstreamTls | undefined
  /** How its upstreams are asked whether they are well; absent = not at all. */
  readonly health: HealthCheck | undefined
  readonly onIssuerHost: boolean
  /** Whether Gatehouse holds the sessions of its browsers. */
  readonly session: boolean
}

/**
 * How long a stream may stay open that was let in: until the session ends that it was opened by, until its token expires, or
 * until something is revoked.
 */
export type StreamsUntil = 'session' | 'token' | 'revoked'

/** A route, ready. */
export interface Route {
  /** For logs and counters: the service's name and the pattern. */
  readonly name: string
  readonly service: Service
  readonly requirement: Requirement
  /** A rule that is only looked at, and never decides. */
  readonly observed: Requirement | undefined
  /** Whether the identity that its service gets is good for the very request alone. */
  readonly bindsIdentity: boolean
  readonly streamsUntil: StreamsUntil
  /** The `{name}` segments of its pattern: read where a condition of the rule names `path`. */
  readonly parameters: readonly PatternParameter[]
  /** How often it may be asked; absent = as often as anybody likes. */
  readonly rates: RouteRates | undefined
  /** How many requests it and its service may have at once; absent = as many as come. */
  readonly concurrency: readonly ConcurrencyLimit[] | undefined
  /** Greatest request body, in bytes. */
  readonly bodyLimit: number
  /** Greatest body of an answer, in bytes; Infinity = any. */
  readonly responseLimit: number
  /** How its path is changed on the way to the service; absent = not at all. */
  readonly rewrite: PathRewrite | undefined
  /** What is made of the headers of answers; absent = nothing beyond what always is. */
  readonly answers: AnswerRules | undefined
}
