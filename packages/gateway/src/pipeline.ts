import type { VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Authenticator, authenticate } from './authenticate/access-token.ts'
import { denyProof } from './authenticate/dpop-proof.ts'
import { checkRequirement } from './authorize/requirement.ts'
import type { CheckedRequest, RefusedRequest } from './check-request.ts'
import { type Denial, isDenial } from './denial.ts'
import { Exchange, type Forwarder, noConnection } from './forward/exchange.ts'
import type { UpstreamSet } from './forward/upstream-set.ts'
import { refuse } from './refuse.ts'
import { buildRequestHeaders, withoutFolded } from './rewrite/request-headers.ts'
import type { Route } from './route.ts'
import { findLeaf } from './route-trie.ts'
import { findMethod, type RouteTable } from './routes.ts'
import type { Visit } from './visit.ts'

/** What the pipeline runs on: the functions of the gateway and one state of its configuration. */
export interface Pipeline extends Authenticator, Forwarder {
  readonly table: RouteTable
  /** By {@link Route.service}'s index. */
  readonly upstreams: readonly UpstreamSet[]
  readonly scheme: (request: Visit['request']) => 'http' | 'https'
  /** Headers by which a proxy tells Gatehouse alone something, folded as `foldHeaderName` does it: never forwarded. */
  readonly hiddenHeaders: readonly string[]
  readonly issueIdentity: (token: VerifiedToken, service: { name: string; audience: string }) => string
}

/**
 * Takes one request through every stage: match, authenticate, authorize, rewrite, forward. The first stage that says no
 * decides the answer, and what no stage lets through is never forwarded. Cost: no I/O before the forwarding, but for a proof
 * of possession, which is written down so that it counts once.
 */
export function runPipeline(pipeline: Pipeline, visit: Visit): void {
  const denial = passStages(pipeline, visit)
  if (denial !== undefined) refuse(pipeline, visit, denial)
}

function passStages(pipeline: Pipeline, visit: Visit): Denial | undefined {
  const { checked } = visit
  if (!checked.ok) return unreadable(checked)

  const route = match(pipeline.table, checked, visit)
  if (isDenial(route)) return route
  visit.route = route

  const token = authenticate(pipeline, visit, checked, route)
  if (token !== undefined && isDenial(token)) return token

  const denied = checkRequirement(route.requirement, token, visit.startedAt) ?? checkBody(checked, route)
  if (denied !== undefined) return denied
  if (visit.proof === undefined) return passOn(pipeline, visit, checked, route, token)
  void useProof(pipeline, visit, visit.proof, () => passOn(pipeline, visit, checked, route, token))
  return undefined
}

/** Uses a proof up, and goes on only where nobody has used it before. What cannot be written down is not let through. */
async function useProof(
  pipeline: Pipeline,
  visit: Visit,
  proof: NonNullable<Visit['proof']>,
  goOn: () => Denial | undefined,
): Promise<void> {
  const needed = visit.route?.requirement.needed ?? ''
  let denial: Denial | undefined
  try {
    const isFirst = await pipeline.dpop?.consume(proof)
    // The client has gone meanwhile: there is nobody to do anything for.
    if (visit.response.destroyed) return pipeline.onAnswer?.(visit.route?.name ?? '', 499, 0)
    denial = isFirst ? goOn() : denyProof('replayed', needed)
  } catch (thrown) {
    denial = denyFault(thrown)
  }
  if (denial !== undefined) refuse(pipeline, visit, denial)
}

/** A fault of ours is never a way through. */
export function denyFault(thrown: unknown): Denial {
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  // A store that is busy says so itself.
  if (thrown instanceof GatehouseError && thrown.code === 'temporarily_unavailable') {
    return { code: thrown.code, reason, needed: 'a store that answers', headers: ['retry-after', '1'] }
  }
  return { code: 'server_error', reason, needed: 'a gateway without this fault', close: true }
}

/** Rewrites and forwards what every rule has let through. */
function passOn(
  pipeline: Pipeline,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  token: VerifiedToken | undefined,
): Denial | undefined {
  const identity = token === undefined ? undefined : pipeline.issueIdentity(token, route.service)
  const built = buildRequestHeaders(visit, checked, token, identity, pipeline.scheme(visit.request))
  const headers = pipeline.hiddenHeaders.length === 0 ? built : withoutFolded(built, pipeline.hiddenHeaders)

  visit.allowed = true
  pipeline.onDecision?.({ route: route.name, outcome: 'allowed' })
  return forward(pipeline, visit, checked, route, headers, token !== undefined)
}

const unreadable = ({ code, reason }: RefusedRequest): Denial => ({
  code,
  reason,
  needed: 'a request that can be read in one way only',
  close: true,
})

function match(table: RouteTable, checked: CheckedRequest, visit: Visit): Route | Denial {
  const trie = table.hosts.get(checked.host)
  if (trie === undefined) {
    const reason = `no route names the host ${checked.host}`
    return { code: 'misdirected_request', reason, needed: 'a host that the issuer or a route names', close: true }
  }
  const leaf = findLeaf(trie, checked.path)
  if (leaf === undefined) return { code: 'not_found', reason: 'no route matches the path', needed: 'a route for it' }
  const method = visit.request.method ?? ''
  return (
    findMethod(leaf, method) ?? {
      code: 'method_not_allowed',
      reason: `${leaf.pattern} decides and does not list ${method}`,
      needed: `one of ${leaf.allow}`,
      headers: ['allow', leaf.allow],
    }
  )
}

const checkBody = (checked: CheckedRequest, route: Route): Denial | undefined =>
  checked.bodyLength <= route.service.bodyLimit
    ? undefined
    : {
        code: 'payload_too_large',
        reason: `a body of ${checked.bodyLength} bytes`,
        needed: `a body of at most ${route.service.bodyLimit} bytes`,
        close: true,
      }

function forward(
  pipeline: Pipeline,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  headers: string[],
  authenticated: boolean,
): Denial | undefined {
  const upstreams = pipeline.upstreams[route.service.index]
  const upstream = upstreams?.take(visit.startedAt)
  if (upstreams === undefined || upstream === undefined) {
    return noConnection('an upstream that can be reached')
  }
  new Exchange(pipeline, visit, route, upstreams, upstream, {
    path: checked.query === '' ? checked.path : `${checked.path}?${checked.query}`,
    method: visit.request.method ?? 'GET',
    headers,
    body: checked.bodyLength !== 0,
    authenticated,
  }).start()
  return undefined
}
