import type { IncomingMessage } from 'node:http'
import type { BrowserApps, VerifiedToken } from '@gatehouse/core/contracts'
import { isOfSameOrigin } from '@gatehouse/core/same-origin'
import type { CheckedRequest } from '../check-request.ts'
import type { Denial } from '../denial.ts'
import type { Route } from '../route.ts'
import type { Visit } from '../visit.ts'

/** What the sessions of browser apps need of the gateway. */
export interface BrowserSessionFinder {
  /** The scheme by which browsers reach the gateway, wherever TLS ends. */
  readonly publicScheme: 'http' | 'https'
  readonly apps?: BrowserApps<IncomingMessage> | undefined
}

type Found = VerifiedToken | Denial | undefined

/** Whether a request is looked at for a session: one that brings a token is not. */
export const mayHaveSession = (route: Route, checked: CheckedRequest): boolean =>
  route.service.session && checked.authorizationCount === 0

/**
 * Who calls by a browser's session: what a token of it would say, nothing (where the route allows that), or a denial. A
 * request that could change something, or that opens a WebSocket, counts only where the app's own pages have sent it.
 * Codes: credentials_required, forbidden. Cost: a look-up, but for the first request in an access token's lifetime.
 * Stops: requests that another site has a browser send (CSRF), and WebSockets that it opens.
 */
export function findBySession(
  finder: BrowserSessionFinder,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
): Found | Promise<Found> {
  const found = finder.apps?.find(checked.host, visit.request.headers.cookie)
  if (found instanceof Promise) return found.then((token) => judge(finder, visit, checked, route, token))
  return judge(finder, visit, checked, route, found)
}

function judge(
  finder: BrowserSessionFinder,
  visit: Visit,
  checked: CheckedRequest,
  route: Route,
  token: VerifiedToken | undefined,
): Found {
  const { credentials, needed } = route.requirement
  if (token === undefined) {
    if (credentials === 'optional') return undefined
    return { code: 'credentials_required', reason: 'no session of a browser that lasts', needed, challenge: {} }
  }
  // The top-level audience is every service's.
  if (!token.audiences.some((audience) => route.service.audiences.includes(audience))) {
    return { code: 'invalid_token', reason: 'the session is for another audience', needed }
  }
  if (isHarmless(visit) || isFromItself(finder, visit.request, checked)) return token
  const { origin = 'none', 'sec-fetch-site': site = 'none' } = visit.request.headers
  return {
    code: 'forbidden',
    reason: `the app itself has not sent it: Origin is ${origin}, Sec-Fetch-Site is ${site}`,
    needed: 'Sec-Fetch-Site: same-origin, or an Origin that is the app’s own',
  }
}

/** Whether a request can neither change anything nor stay open both ways. Spec: RFC 9110 section 9.2.1. */
const isHarmless = ({ method, request }: Visit): boolean =>
  (method === 'GET' || method === 'HEAD') && !opensWebSocket(request)

/** Whether a WebSocket is to be opened. A proxy that asks about it may have kept the header Upgrade to itself. */
export const opensWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade !== undefined ||
  headers['sec-websocket-key'] !== undefined ||
  headers['sec-fetch-mode'] === 'websocket'

/** Whether a page of the very origin has sent a request; see {@link isOfSameOrigin}. */
export const isFromItself = (
  { publicScheme }: BrowserSessionFinder,
  { headers }: IncomingMessage,
  { host }: CheckedRequest,
): boolean => isOfSameOrigin(headers, `${publicScheme}://${host}`)
