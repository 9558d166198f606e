import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CorsRule } from './endpoint.ts'

const isAllowed = (origin: string, rule: CorsRule, firstParty: ReadonlySet<string>): boolean =>
  rule === 'any' || (rule === 'first-party' && firstParty.has(origin))

/**
 * Adds the headers that let a browser read the answer, where the origin may. Credentials are never allowed: none of these
 * endpoints reads a cookie.
 */
export function allowOrigin(
  request: IncomingMessage,
  headers: Record<string, string | number | string[]>,
  rule: CorsRule,
  firstParty: ReadonlySet<string>,
): void {
  const { origin } = request.headers
  if (rule === 'none' || origin === undefined) return
  headers.vary = 'Origin'
  if (!isAllowed(origin, rule, firstParty)) return
  headers['access-control-allow-origin'] = rule === 'any' ? '*' : origin
  headers['access-control-expose-headers'] = 'WWW-Authenticate, Retry-After, DPoP-Nonce'
}

/** Answers a preflight request where the endpoint allows its origin; false = not one, or not allowed. */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
  rule: CorsRule,
  firstParty: ReadonlySet<string>,
): boolean {
  const { origin } = request.headers
  if (origin === undefined || request.headers['access-control-request-method'] === undefined) return false
  if (!isAllowed(origin, rule, firstParty)) return false
  response.writeHead(204, {
    'access-control-allow-origin': rule === 'any' ? '*' : origin,
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
    'access-control-max-age': '600',
    vary: 'Origin',
  })
  response.end()
  return true
}
