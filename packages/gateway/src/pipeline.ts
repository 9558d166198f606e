import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { DpopProof } from '@gatehouse/guard/dpop'
import type { BoundRequest } from '@gatehouse/guard/request-binding'
import { findAnswerHeaders } from './answers/answer-headers.ts'
import { type Authenticator, authenticate } from './authenticate/access-token.ts'
import { type BrowserSessionFinder, findBySession, mayHaveSession } from './authenticate/browser-session.ts'
import { denyProof } from './authenticate/dpop-proof.ts'
import { detourFor } from './authenticate/sign-in-detour.ts'
import type { AskedRequest } from './authorize/asked-request.ts'
import { askRemote, checkRequirement } from './authorize/check-requirement.ts'
import type { CheckedRequest } from './check-request.ts'
import { type Denial, isDenial } from './denial.ts'
import { noConnection } from './forward/denials.ts'
import { Exchange, type ForwardedRequest, type Forwarder } from './forward/exchange.ts'
import type { UpstreamSet } from './forward/upstream-set.ts'
import { findRoute } from './match.ts'
import { type Observer, observe } from './observe.ts'
import { beside, denyFault, onlyAsked, unreadable } from './pipeline-denials.ts'
import { refuse } from './refuse.ts'
import { buildRequestHeaders, withoutFolded } from './rewrite/request-headers.ts'
import { rewritePath } from './rewrite/target-path.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './routes.ts'
import { enter, leave } from './traffic/concurrency.ts'
import { takeRates } from './traffic/route-rates.ts'
import type { Visit } from './visit.ts'
import { openTunnel } from './websocket/open-tunnel.ts'

/** What the pipeline runs on: the functions of the gateway and one state of its configuration. */
export interface Pipeline extends Authenticator, BrowserSessionFinder, Forwarder, Observer {
  readonly table: RouteTable
  /** By {@link Route.service}'s index. */
  readonly upstreams: readonly UpstreamSet[]
  readonly scheme: (request: Visit['request']) => 'http' | 'https'
  /** Headers by which a proxy tells Gatehouse alone something, folded as `foldHeaderName` does it: never forwarded. */
  readonly hiddenHeaders: readonly string[]
  readonly issueIdentity: IdentityIssuer
  readonly isRevoked?: (token: VerifiedToken) => boolean
}

/** Signs who calls for one service and, with `request`, for that request alone. */
export type IdentityIssuer = (
  token: VerifiedToken,
  service: { readonly name: string; readonly audience: string },
  request?: BoundRequest,
) => string

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

/** What a stage says: nothing where the request may go on; a promise where it has to wait for I/O. */
type Outcome = Denial | undefined | Promise<Denial | undefined>

/** One stage. What it finds out is left in the visit for those after it. */
type Stage = (pipeline: Pipeline, visit: Visit, checked: CheckedRequest) => Outcome

/**
 * The way of every request, in this order. The first stage that says no decides the answer. A proof of possession is used up
 * last, so that a request which is refused for something else leaves nothing behind.
 */
const stages: readonly Stage[] = [
  match,
  limitAddress,
  findCaller,
  limitCaller,
  checkRule,
  checkBody,
  askOutside,
  limitRoute,
  useProof,
]

/** What becomes of a request. */
export interface Ending {
  /** Once every stage has let it through. */
  readonly pass: (pipeline: Pipeline, visit: Visit, checked: CheckedRequest, route: Route) => Denial | undefined
  /** When somebody has said no. */
  readonly refuse: (pipeline: Pipeline, visit: Visit, denial: Denial) => void
}

/**
 * Takes one request through every stage, and to its ending: a service, unless said otherwise. What no stage lets through
 * never gets there. Cost: no I/O before the ending, but for a proof of possession, which is written down so that it counts
 * once, and where the rule of a route names somebody to ask.
 */
export function runPipeline(pipeline: Pipeline, visit: Visit, ending: Ending = toService): void {
  const { checked } = visit
  if (!checked.ok) ending.refuse(pipeline, visit, unreadable(checked))
  else proceed({ pipeline, visit, checked, ending }, 0)
}

/** One request on its way. */
interface Journey {
  readonly pipeline: Pipeline
  readonly visit: Visit
  readonly checked: CheckedRequest
  readonly ending: Ending
}

function proceed(journey: Journey, from: number): void {
  const { pipeline, visit, checked } = journey
  let denial: Denial | undefined
  try {
    for (let index = from; index < stages.length; index += 1) {
      const outcome = stages[index]?.(pipeline, visit, checked)
      if (outcome === undefined) continue
      if (outcome instanceof Promise) return void proceedAfter(journey, outcome, index + 1)
      return deny(journey, outcome)
    }
    denial = finish(journey)
  } catch (thrown) {
    denial = denyFault(thrown)
  }
  if (denial !== undefined) deny(journey, denial)
}

/** Goes on when a stage that had to wait is done. */
async function proceedAfter(journey: Journey, outcome: Promise<Denial | undefined>, next: number): Promise<void> {
  const { pipeline, visit } = journey
  let denial: Denial | undefined
  try {
    denial = (await outcome) ?? checkStillGood(pipeline, visit)
  } catch (thrown) {
    denial = denyFault(thrown)
  }
  // The client has gone meanwhile: there is nobody to do anything for.
  if (visit.response.destroyed) pipeline.onAnswer?.(visit.route?.name ?? '', 499, 0)
  else if (denial !== undefined) deny(journey, denial)
  else proceed(journey, next)
}

/** What was revoked while a stage waited is in nobody's list of what is running: it is found here, or never. */
function checkStillGood({ isRevoked }: Pipeline, { token, route }: Visit): Denial | undefined {
  if (token === undefined || isRevoked?.(token) !== true) return undefined
  const needed = route?.requirement.needed ?? ''
  return { code: 'invalid_token', reason: 'revoked meanwhile', needed, challenge: { error: 'invalid_token' } }
}

/** Says no, or sends to sign in who looks at a page. */
function deny({ pipeline, visit, checked, ending }: Journey, denial: Denial): void {
  const detour = visit.allowed ? undefined : detourFor(pipeline, visit, checked, denial)
  if (detour === undefined) return ending.refuse(pipeline, visit, denial)
  detour.catch(denyFault).then((answer) => {
    if (visit.response.destroyed) pipeline.onAnswer?.(visit.route?.name ?? '', 499, 0)
    else ending.refuse(pipeline, visit, answer)
  })
}

function finish({ pipeline, visit, checked, ending }: Journey): Denial | undefined {
  const route = routeOf(visit)
  visit.allowed = true
  pipeline.onDecision?.({ route: route.name, outcome: 'allowed' })
  observe(pipeline, visit, checked, route)
  return ending.pass(pipeline, visit, checked, route)
}

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

const toService: Ending = { pass: passOn, refuse }

/** The ending of a request for a WebSocket. */
export const toWebSocket: Ending = { pass: passOnWebSocket, refuse }

function match({ table }: Pipeline, visit: Visit, { host, path }: CheckedRequest): Denial | undefined {
  const found = findRoute(table, { host, path, method: visit.method })
  if (isDenial(found)) return found
  visit.route = found
  return undefined
}

/** Before anything is verified, so that a flood costs no signature. */
function limitAddress(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byAddress, visit)
}

/** Before the rule, so that who is refused again and again is counted too. */
function limitCaller(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byCaller, visit)
}

/** After the rule, so that strangers cannot use up what everybody shares. */
function limitRoute(_pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { rates } = routeOf(visit)
  return rates && takeRates(rates.byRoute, visit)
}

function findCaller(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Outcome {
  const route = routeOf(visit)
  if (route.requirement.credentials === 'ignored') return undefined
  const found = mayHaveSession(route, checked)
    ? findBySession(pipeline, visit, checked, route)
    : authenticate(pipeline, visit, checked, route)
  return found instanceof Promise ? found.then((token) => noteCaller(visit, token)) : noteCaller(visit, found)
}

function noteCaller(visit: Visit, found: VerifiedToken | Denial | undefined): Denial | undefined {
  if (found !== undefined && isDenial(found)) return found
  visit.token = found
  return undefined
}

function checkRule(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Denial | undefined {
  const { requirement, parameters } = routeOf(visit)
  return checkRequirement(requirement, parameters, askedOf(pipeline, visit, checked))
}

/** Asks whom the rule names, once all else holds. */
function askOutside(pipeline: Pipeline, visit: Visit, checked: CheckedRequest): Outcome {
  const { requirement, parameters } = routeOf(visit)
  if (requirement.remote === undefined) return undefined
  return askRemote(requirement, parameters, askedOf(pipeline, visit, checked))
}

const askedOf = ({ findAddress }: Pipeline, visit: Visit, { host, path, query }: CheckedRequest): AskedRequest => ({
  ...{ token: visit.token, now: visit.startedAt, method: visit.method, host, path, query },
  findAddress: () => findAddress(visit.request),
})

function checkBody(_pipeline: Pipeline, visit: Visit, { bodyLength }: CheckedRequest): Denial | undefined {
  const { bodyLimit } = routeOf(visit)
  if (bodyLength <= bodyLimit) return undefined
  const [reason, needed] = [`a body of ${bodyLength} bytes`, `a body of at most ${bodyLimit} bytes`]
  return { code: 'payload_too_large', reason, needed, close: true }
}

/** Uses a proof up, and goes on only where nobody has used it before. What cannot be written down is not let through. */
function useProof(pipeline: Pipeline, visit: Visit): Outcome {
  const { proof } = visit
  return proof === undefined ? undefined : consume(pipeline, proof, routeOf(visit).requirement.needed)
}

async function consume({ dpop }: Pipeline, proof: DpopProof, needed: string): Promise<Denial | undefined> {
  return (await dpop?.consume(proof)) === true ? undefined : denyProof('replayed', needed)
}

/** The route that `match` has found; without one nothing passes. */
function routeOf({ route }: Visit): Route {
  if (route === undefined) throw new Error('no stage has found a route')
  return route
}

function forward(
  pipeline: Pipeline,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  { target, headers, onUpgrade }: Pick<ForwardedRequest, 'headers' | 'onUpgrade'> & { readonly target: string },
): Denial | undefined {
  if (route.service.upstreams.length === 0) return onlyAsked
  const busy = enter(visit, route)
  if (busy !== undefined) return busy
  const upstreams = pipeline.upstreams[route.service.index]
  const upstream = upstreams?.take(visit.startedAt, undefined, visit)
  if (upstreams === undefined || upstream === undefined) {
    leave(visit)
    return noConnection('an upstream that can be reached')
  }
  new Exchange(pipeline, visit, route, upstreams, upstream, {
    path: target,
    method: visit.method,
    headers,
    body: checked.bodyLength !== 0,
    authenticated: visit.token !== undefined,
    added: findAnswerHeaders(visit, false),
    onUpgrade,
  }).start()
  return undefined
}
