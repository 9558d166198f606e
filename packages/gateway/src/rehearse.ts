import { METHODS } from 'node:http'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { parseAuthority } from './authority.ts'
import { askRemote, checkRequirement } from './authorize/check-requirement.ts'
import { notCanonical } from './check/asked-request.ts'
import { type Denial, isDenial } from './denial.ts'
import { findRoute } from './match.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './routes.ts'
import { parseTarget } from './target.ts'

/** A request that nobody has sent. */
export interface SupposedRequest {
  readonly method: string
  /** As in a Host header. */
  readonly host: string
  /** With its query, as on the request line. */
  readonly target: string
  /** Known to be good; absent = none is presented. */
  readonly token: VerifiedToken | undefined
  /** From where; absent = nobody says. */
  readonly address: string | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What would become of a request: let through where there is no denial. */
export interface Rehearsal {
  readonly route: Route | undefined
  readonly denial: Denial | undefined
  /** What the rule that the route only observes would say, where it is let through. */
  readonly observed: Denial | undefined
  /** Asks whom the rule names, who has the last word; absent where nobody would be asked. */
  readonly askOutside?: () => Promise<Denial | undefined>
}

/**
 * Says what the gateway would decide on a request, by the same code: host, path, route and rule. What depends on the
 * presentation of a token (its signature, its audience, a proof) is not looked at, and nothing is forwarded.
 */
export function rehearse(table: RouteTable, supposed: SupposedRequest): Rehearsal {
  const { method, token, address, now } = supposed
  const target = parseTarget(supposed.target)
  const host = parseAuthority(supposed.host)
  const needed = 'a request that can be read in one way only'
  if (!METHODS.includes(method)) {
    return deny({ code: 'invalid_request', reason: `"${method}" is no method that a request can have`, needed })
  }
  if (!target.ok) return deny({ code: target.code, reason: target.reason, needed })
  if (host === undefined) return deny({ code: 'invalid_request', reason: `"${supposed.host}" is no host`, needed })
  const { path, query, isCanonical } = target
  const route = findRoute(table, { host, path, method })
  if (isDenial(route)) return deny(route)
  // Such a service is reached through another proxy alone, which asks about the bytes that it forwards.
  if (route.service.upstreams.length === 0 && !isCanonical) {
    return deny({ code: 'invalid_request', reason: notCanonical, needed })
  }
  const asked = { token, now, method, host, path, query, findAddress: () => address }
  const denial = checkRequirement(route.requirement, route.parameters, asked)
  const observed = denial ? undefined : route.observed && checkRequirement(route.observed, route.parameters, asked)
  const { requirement, parameters } = route
  if (denial || requirement.remote === undefined) return { route, denial, observed }
  return { route, denial, observed, askOutside: async () => askRemote(requirement, parameters, asked) }
}

const deny = (denial: Denial): Rehearsal => ({ route: undefined, denial, observed: undefined })
