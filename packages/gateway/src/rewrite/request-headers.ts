import type { VerifiedToken } from '@gatehouse/core/contracts'
import type { CheckedRequest } from '../check-request.ts'
import type { Visit } from '../visit.ts'
import { stripOwnCookies } from './cookies.ts'
import { foldHeaderName, headerKind, parseConnection, readHeaderName } from './header-names.ts'
import { identityAuthorization, pushIdentity } from './identity-headers.ts'

/**
 * The headers that a service gets, as a flat list of lower-case names and values: the client's own without hop-by-hop
 * headers, credentials and anything that speaks of identity or of the way here, then Gatehouse's. Content-Length is kept,
 * Host is left to the upstream. `identity` is the JWT for this service; absent where there is no token.
 * Spec: RFC 9110 section 7.6.1. Stops: forged identity, forged origin, and a Connection header that removes ours.
 */
export function buildRequestHeaders(
  visit: Visit,
  checked: CheckedRequest,
  token: VerifiedToken | undefined,
  identity: string | undefined,
  scheme: 'http' | 'https',
): string[] {
  const raw = visit.request.rawHeaders
  const headers: string[] = []
  let named: string[] | undefined
  for (let index = 0; index < raw.length; index += 2) {
    const { kind, name } = readHeaderName(raw[index] ?? '')
    const value = raw[index + 1] ?? ''
    if (kind === headerKind.pass) {
      headers.push(name, value)
    } else if (kind === headerKind.cookie) {
      const rest = stripOwnCookies(value)
      if (rest !== undefined) headers.push(name, rest)
    } else if (kind === headerKind.connection) {
      const tokens = parseConnection(value)
      if (tokens.length > 0) named = named === undefined ? [...tokens] : [...named, ...tokens]
    }
  }
  // Before ours are added, so that a token that names one of them has no effect.
  const kept = named === undefined ? headers : withoutNamed(headers, named)
  if (checked.bodyLength > 0) kept.push('content-length', String(checked.bodyLength))
  kept.push(
    'x-forwarded-for',
    visit.address,
    'x-forwarded-proto',
    scheme,
    'x-forwarded-host',
    checked.host,
    'x-request-id',
    visit.requestId,
  )
  pushIdentity(kept, token)
  if (identity !== undefined) kept.push('authorization', identityAuthorization(token, identity))
  return kept
}

/** A flat list of headers without those of the given lower-case names. */
export function withoutNamed(headers: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!names.includes(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '')
  }
  return kept
}

/** A flat list of headers without those whose folded names are among these; see `foldHeaderName`. */
export function withoutFolded(headers: readonly string[], folded: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!folded.includes(foldHeaderName(name.toLowerCase()))) kept.push(name, headers[index + 1] ?? '')
  }
  return kept
}
