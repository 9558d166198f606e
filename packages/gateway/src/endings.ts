import { findAnswerHeaders } from './answers/answer-headers.ts'
import type { CheckedRequest } from './check-request.ts'
import type { Denial } from './denial.ts'
import { noConnection } from './forward/denials.ts'
import { Exchange, type ForwardedRequest } from './forward/exchange.ts'
import type { Ending, Pipeline } from './journey.ts'
import { beside, onlyAsked } from './pipeline-denials.ts'
import { refuse } from './refuse.ts'
import { buildRequestHeaders, withoutFolded } from './rewrite/request-headers.ts'
import { rewritePath } from './rewrite/target-path.ts'
import type { Route } from './route.ts'
import type { Visit } from './visit.ts'
import { openTunnel } from './websocket/open-tunnel.ts'

/** Rewrites and forwards what every rule has let through. */
const passOn: Ending['pass'] = (pipeline, visit, checked, route) => send(pipeline, visit, checked, route, undefined)

/** As {@link passOn}, and joins the two connections where the service agrees. */
const passOnWebSocket: Ending['pass'] = (pipeline, visit, checked, route) =>
  send(pipeline, visit, checked, route, (answer) => openTunnel(pipeline, visit, route, answer))

function send(
  pipeline: Pipeline,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  onUpgrade: ForwardedRequest['onUpgrade'],
): Denial | undefined {
  const { token } = visit
  const path = route.rewrite === undefined ? checked.path : rewritePath(checked.path, route.rewrite)
  if (path === undefined) return beside(route)
  const target = targetOf({ path, query: checked.query })
  const identity = identityFor(pipeline, visit, target, route)
  const built = buildRequestHeaders(visit, checked, token, identity, pipeline.scheme(visit.request))
  const headers = pipeline.hiddenHeaders.length === 0 ? built : withoutFolded(built, pipeline.hiddenHeaders)
  // Services build links by it. Whatever the client said by this name is gone.
  if (route.rewrite !== undefined && route.rewrite.strip !== '') headers.push('x-forwarded-prefix', route.rewrite.strip)
  return forward(pipeline, visit, checked, route, { target, headers, onUpgrade })
}

/** The usual ending: the service, and its answer. */
export const toService: Ending = { pass: passOn, refuse }

/** The ending of a request for a WebSocket. */
export const toWebSocket: Ending = { pass: passOnWebSocket, refuse }

/**
 * What a service is told of who calls, in the way that the route asks for; absent where nobody needs to be known. `target` is
 * what the service is asked for.
 */
export function identityFor(
  { issueIdentity }: Pipeline,
  visit: Visit,
  target: string,
  route: Route,
): string | undefined {
  const { token, method } = visit
  if (token === undefined) return undefined
  return issueIdentity(token, route.service, route.bindsIdentity ? { method, target } : undefined)
}

/** Path and query as they are forwarded. */
export const targetOf = ({ path, query }: Pick<CheckedRequest, 'path' | 'query'>): string =>
  query === '' ? path : `${path}?${query}`

function forward(
  pipeline: Pipeline,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  { target, headers, onUpgrade }: Pick<ForwardedRequest, 'headers' | 'onUpgrade'> & { readonly target: string },
): Denial | undefined {
  if (route.service.upstreams.length === 0) return onlyAsked
  const upstreams = pipeline.upstreams[route.service.index]
  if (upstreams === undefined) return noConnection('an upstream that can be reached')
  new Exchange(pipeline, visit, route, upstreams, {
    path: target,
    method: visit.method,
    headers,
    bodyLength: checked.bodyLength,
    authenticated: visit.token !== undefined,
    added: findAnswerHeaders(visit, false),
    onUpgrade,
  }).start()
  return undefined
}
