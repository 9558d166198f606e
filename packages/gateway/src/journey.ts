import type { SupposeTwoFactors, VerifiedToken } from '@gatehouse/core/contracts'
import type { BoundRequest } from '@gatehouse/guard/request-binding'
import type { Authenticator } from './authenticate/access-token.ts'
import type { BrowserSessionFinder } from './authenticate/browser-session.ts'
import type { CheckedRequest } from './check-request.ts'
import type { Denial } from './denial.ts'
import type { Forwarder } from './forward/exchange.ts'
import type { UpstreamSet } from './forward/upstream-set.ts'
import type { Observer } from './observe.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './routes.ts'
import type { Undecided } from './undecided.ts'
import type { Visit } from './visit.ts'

/** What the pipeline runs on: the functions of the gateway and one state of its configuration. */
export interface Pipeline extends Authenticator, BrowserSessionFinder, Forwarder, Observer {
  readonly table: RouteTable
  /** By {@link Route.service}'s index. */
  readonly upstreams: readonly UpstreamSet[]
  readonly undecided: Undecided
  readonly scheme: (request: Visit['request']) => 'http' | 'https'
  /** Headers by which a proxy tells Gatehouse alone something, folded as `foldHeaderName` does it: never forwarded. */
  readonly hiddenHeaders: readonly string[]
  readonly issueIdentity: IdentityIssuer
  readonly isRevoked?: (token: VerifiedToken) => boolean
  readonly supposeTwoFactors?: SupposeTwoFactors
}

/** Signs who calls for one service and, with `request`, for that request alone. */
export type IdentityIssuer = (
  token: VerifiedToken,
  service: { readonly name: string; readonly audience: string },
  request?: BoundRequest,
) => string

/** What a stage says: nothing where the request may go on; a promise where it has to wait for I/O. */
export type Outcome = Denial | undefined | Promise<Denial | undefined>

/** What becomes of a request. */
export interface Ending {
  /** Once every stage has let it through. */
  readonly pass: (pipeline: Pipeline, visit: Visit, checked: CheckedRequest, route: Route) => Denial | undefined
  /** When somebody has said no. */
  readonly refuse: (pipeline: Pipeline, visit: Visit, denial: Denial) => void
}

/** The route that `match` has found; without one nothing passes. */
export function routeOf({ route }: Visit): Route {
  if (route === undefined) throw new Error('no stage has found a route')
  return route
}
