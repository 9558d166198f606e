import type { AnswersDefinition } from './answers/answer-rules.ts'
import type { RequireDefinition } from './authorize/requirement.ts'
import type { Balance, UpstreamTls } from './forward/upstream-options.ts'
import type { PathDefinition } from './rewrite/target-path.ts'
import type { StreamsUntil } from './route.ts'
import type { LimitsDefinition } from './traffic/limits.ts'

/** A service behind the gateway, as the configuration names it. */
export interface ServiceDefinition extends AnswersDefinition, PathDefinition {
  readonly name: string
  /** Host of its routes; absent = the issuer's. */
  readonly host?: string
  /** Its own audience, beside the top-level one. */
  readonly audience: string
  /** Whether it is an app in the browser whose session Gatehouse holds. */
  readonly session?: 'cookie' | undefined
  /** Origins such as `http://orders-1:4001` or, over HTTP/2, `h2c://orders-1:4001`; none where another proxy forwards and asks us. */
  readonly upstream: readonly string[]
  /** Whether it may be without an upstream. */
  readonly forwardAuth?: boolean | undefined
  /** Seconds. Defaults: connect 5, headers 30, idle 120. */
  readonly timeouts?: { readonly connect?: number; readonly headers?: number; readonly idle?: number }
  /** `rate` and `concurrency`: for all of its routes together. */
  readonly limits?: LimitsDefinition
  /** To each upstream, at the most. Default: 1024. */
  readonly connections?: number | undefined
  /** Default: round_robin. */
  readonly balance?: Balance | undefined
  readonly upstreamTls?: UpstreamTls | undefined
  /** Seconds. Defaults: every 10, timeout 2. */
  readonly health?: {
    readonly path: string
    readonly every?: number | undefined
    readonly timeout?: number | undefined
  }
  readonly routes: readonly RouteDefinition[]
}

/** A route, as the configuration names it. */
export interface RouteDefinition extends PathDefinition {
  /** A pattern; see `parsePattern`. */
  readonly path: string
  /** Absent = every method but OPTIONS, TRACE and CONNECT. GET includes HEAD. */
  readonly methods?: readonly string[]
  readonly require: RequireDefinition
  /** A rule that is only looked at: what it would refuse is logged and counted, and let through. */
  readonly observe?: RequireDefinition
  /** Beside the service's. */
  readonly limits?: LimitsDefinition
  /** Whether the identity that the service gets is good for the very request alone. Default: for any request, for a minute or two. */
  readonly identity?: { readonly bind: 'request' } | undefined
  /** How long its streams may stay open. Default: session. */
  readonly streams?: { readonly until: StreamsUntil } | undefined
}

/** What is wrong with a service or with one of its routes. */
export interface RouteFault {
  readonly service: string
  /** The route's index within its service; absent where the service itself is at fault. */
  readonly route: number | undefined
  readonly sentence: string
}

/** A route table that must not be used; the message says where and why, a line for each fault. */
export class RouteError extends Error {
  readonly faults: readonly RouteFault[]

  constructor(faults: readonly RouteFault[]) {
    super(faults.map(formatFault).join('\n'))
    this.name = 'RouteError'
    this.faults = faults
  }
}

const formatFault = ({ service, route, sentence }: RouteFault): string =>
  `services.${service}${route === undefined ? '' : `.routes[${route}]`}: ${sentence}`
