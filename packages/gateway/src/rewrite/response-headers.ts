import { setsOwnCookie } from './cookies.ts'
import { hopByHop, parseConnection } from './header-names.ts'
import { ReceivedHeaders } from './received-headers.ts'
import { withoutNamed } from './request-headers.ts'

const pass = 0
const drop = 1
const connection = 2
const setCookie = 3
const cacheControl = 4
const transferEncoding = 5
const serviceWorker = 6
const contentLength = 7
const sharedCaching = 8

const special: ReadonlyMap<string, number> = new Map([
  ['connection', connection],
  ['set-cookie', setCookie],
  ['cache-control', cacheControl],
  ['transfer-encoding', transferEncoding],
  ['service-worker-allowed', serviceWorker],
  ['content-length', contentLength],
  ...['surrogate-control', 'edge-control', 'x-accel-expires'].map((name) => [name, sharedCaching] as const),
])

/** `CDN-Cache-Control`, and what one kind of cache alone obeys, before all others. Spec: RFC 9213 section 2. */
const isTargeted = (lower: string): boolean => lower.endsWith('-cache-control')

const received = new ReceivedHeaders((lower) => {
  const kind = special.get(lower)
  if (kind !== undefined) return kind
  if (isTargeted(lower)) return sharedCaching
  return hopByHop.has(lower) || lower.startsWith('proxy-') ? drop : pass
})

const noBytes = Buffer.alloc(0)

/**
 * The trailers that the client gets of a service's: those whose names could stand among headers and say nothing of framing,
 * cookies, caching or a connection. Spec: RFC 9110 section 6.5.1.
 */
export function buildTrailers(raw: readonly Buffer[], { dropped }: Pick<ResponseRules, 'dropped'>): string[] {
  const trailers: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const { name, lower, kind } = received.readName(raw[index] ?? noBytes)
    if (kind !== pass || dropped?.has(lower) === true) continue
    trailers.push(name, raw[index + 1]?.toString('latin1') ?? '')
  }
  return trailers
}

/** What the rewriting of an answer depends on. */
export interface ResponseRules {
  /** Whether the route is on the issuer's host, where a service worker could take over the sign-in pages. */
  readonly onIssuerHost: boolean
  /** Whether a token was used: then an answer that says nothing about caching must not be cached, and any other by its caller alone. */
  readonly authenticated: boolean
  /** Which headers are left out, in small letters; absent = none. */
  readonly dropped?: ReadonlySet<string> | undefined
  /** What is added: name, value, name, value. */
  readonly added?: readonly string[] | undefined
}

/**
 * A Cache-Control value for an answer that is one caller's: a cache that many share may not keep it, whatever the service says.
 * A cache in front of Gatehouse asks nobody for a token. Spec: RFC 9111 sections 3.5 and 5.2.2.
 */
function forOneAlone(value: string): string {
  if (/(?:^|[\s,])(?:private|no-store)\s*(?:,|$)/i.test(value)) return value
  const kept = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !/^(?:public|s-maxage|private)(?:\s*=|$)/i.test(part))
  return [...kept, 'private'].join(', ')
}

/**
 * The headers that the client gets of a service's answer, as a flat list in the service's spelling. `undefined` where the
 * answer has a Transfer-Encoding other than chunked, whose body could not be forwarded truthfully. A 204 has no length.
 * What was answered to a token or a session is for its caller alone, as far as caches go. Spec: RFC 9110 sections 7.6.1 and 8.6.
 * Stops: a service that sets Gatehouse's cookies or widens a service worker's scope; answers for one person that a cache hands
 * to another; a client that takes the next answer for the body of a 204.
 */
export function buildResponseHeaders(
  status: number,
  raw: readonly Buffer[],
  rules: ResponseRules,
): string[] | undefined {
  const headers: string[] = []
  let named: string[] | undefined
  let length: string | undefined
  let mayCache = false
  for (let index = 0; index < raw.length; index += 2) {
    const known = received.readName(raw[index] ?? noBytes)
    const { name, kind } = known
    const bytes = raw[index + 1] ?? noBytes
    // A cookie is somebody's secret, and hardly ever the one of the answer before.
    const value = kind === setCookie ? bytes.toString('latin1') : received.readValue(known, bytes)
    if (rules.dropped?.has(known.lower) === true) continue
    if (kind === pass) {
      headers.push(name, value)
    } else if (kind === contentLength) {
      length = value
    } else if (kind === cacheControl) {
      headers.push(name, rules.authenticated ? forOneAlone(value) : value)
      mayCache = true
    } else if (kind === sharedCaching) {
      if (!rules.authenticated) headers.push(name, value)
    } else if (kind === setCookie) {
      if (!setsOwnCookie(value)) headers.push(name, value)
    } else if (kind === serviceWorker) {
      if (!rules.onIssuerHost) headers.push(name, value)
    } else if (kind === transferEncoding) {
      if (value.toLowerCase() !== 'chunked') return undefined
    } else if (kind === connection) {
      const tokens = parseConnection(value)
      if (tokens.length > 0) named = named === undefined ? [...tokens] : [...named, ...tokens]
    }
  }
  const kept = named === undefined ? headers : withoutNamed(headers, named)
  if (length !== undefined && status !== 204) kept.push('content-length', length)
  if (rules.authenticated && (!mayCache || named?.includes('cache-control'))) kept.push('cache-control', 'no-store')
  if (rules.added !== undefined) kept.push(...rules.added)
  return kept
}
