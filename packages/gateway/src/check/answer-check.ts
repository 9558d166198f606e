import { errorCatalogue } from '@gatehouse/core/errors'
import type { CheckedRequest } from '../check-request.ts'
import type { Denial } from '../denial.ts'
import { identityFor, targetOf } from '../endings.ts'
import type { Ending, Pipeline } from '../journey.ts'
import { refuse } from '../refuse.ts'
import { stripOwnCookies } from '../rewrite/cookies.ts'
import { identityAuthorization, pushIdentity } from '../rewrite/identity-headers.ts'
import type { Route } from '../route.ts'
import type { Visit } from '../visit.ts'

/** Which statuses a proxy understands: any, or 200, 401 and 403 alone as nginx's auth_request. */
export type ProxyKind = 'any' | 'nginx'

/** Which proxy asks: `for=nginx` in the query; any other one where there is none. `undefined` for what is neither. */
export function parseProxyKind(query: string): ProxyKind | undefined {
  if (query === '') return 'any'
  return query === 'for=nginx' ? 'nginx' : undefined
}

/** The refusal for a question by somebody whose word does not count. */
export const untrusted: Denial = {
  code: 'forbidden',
  reason: 'a question about another request by a peer that is no trusted proxy',
  needed: 'a proxy whose address is in trusted_proxies',
}

/** The refusal for a question that asks for an answer of an unknown kind. */
export const unknownKind: Denial = {
  code: 'invalid_request',
  reason: 'the query of the question is neither empty nor for=nginx',
  needed: '/gateway/check or /gateway/check?for=nginx, without the query of the request that it is about',
}

/** What a proxy is told that asked about a request. */
export const answersFor = (kind: ProxyKind): Ending => ({
  pass: tellIdentity,
  refuse: kind === 'nginx' ? refuseForNginx : refuse,
})

/**
 * 200 with the headers that the proxy is to send along: all of them, empty where there is nothing to say, so that it has
 * nothing to leave to what the client sent. `cookie` is the client's without ours.
 */
function tellIdentity(pipeline: Pipeline, visit: Visit, checked: CheckedRequest, route: Route): undefined {
  const { token, request, response } = visit
  const headers = ['content-length', '0', 'cache-control', 'no-store']
  pushIdentity(headers, token)
  const identity = identityFor(pipeline, visit, targetOf(checked), route)
  headers.push(
    'authorization',
    identity === undefined ? '' : identityAuthorization(token, identity),
    'x-request-id',
    visit.requestId,
  )
  headers.push('cookie', request.headers.cookie === undefined ? '' : (stripOwnCookies(request.headers.cookie) ?? ''))
  response.writeHead(200, headers)
  response.end()
  pipeline.onAnswer?.(route.name, 200, (pipeline.clock.milliseconds() - visit.startedAt) / 1000)
  return undefined
}

/**
 * 401 or 403: for any other status nginx answers 500. Who is sent to sign in is 401 with a Location, which its configuration
 * makes a redirect of. What the status would have been stands in a header.
 */
function refuseForNginx(pipeline: Pipeline, visit: Visit, denial: Denial): void {
  const status = denial.status ?? errorCatalogue[denial.code].status
  visit.response.setHeader('x-gatehouse-status', String(status))
  refuse(pipeline, visit, { ...denial, status: status === 401 || status === 303 ? 401 : 403 })
}
