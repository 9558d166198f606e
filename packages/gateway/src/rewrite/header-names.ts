/** What the gateway does with a request header of some name. */
export const headerKind = {
  /** Forwarded as it came, unless Connection names it. */
  pass: 0,
  /** Never forwarded. */
  drop: 1,
  host: 2,
  contentLength: 3,
  transferEncoding: 4,
  connection: 5,
  cookie: 6,
  authorization: 7,
} as const

/** One header name as the gateway reads it. */
export interface HeaderName {
  /** A value of {@link headerKind}. */
  readonly kind: number
  /** Lower case. */
  readonly name: string
}

/** Headers that concern one connection only. Spec: RFC 9110 section 7.6.1. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

const own: ReadonlyMap<string, number> = new Map([
  ['host', headerKind.host],
  ['content-length', headerKind.contentLength],
  ['transfer-encoding', headerKind.transferEncoding],
  ['connection', headerKind.connection],
  ['cookie', headerKind.cookie],
  ['authorization', headerKind.authorization],
  // The proof was for us, and the token that it was made for is not forwarded either.
  ['dpop', headerKind.drop],
])

/** The method was part of the decision; a service that lets one of these headers replace it would act on another one. */
const methodOverrides: ReadonlySet<string> = new Set(['x-http-method', 'x-http-method-override', 'x-method-override'])

/**
 * Names by which a service takes another path than was decided on, or another caller. Not those that an honest proxy in front sets
 * beside them, as `X-Original-Host` is.
 */
const misleading: ReadonlySet<string> = new Set([
  ...['url', 'uri', 'path'].flatMap((part) => [`x-original-${part}`, `x-rewrite-${part}`]),
  ...['user', 'email', 'groups', 'preferred-username', 'access-token'].flatMap((part) => [
    `x-forwarded-${part}`,
    `x-auth-request-${part}`,
  ]),
  'remote-user',
  'x-remote-user',
])

const misleadingPrefixes: readonly string[] = ['x-authenticated-', 'x-webauth-']

/** Whether a folded name is one by which a service that another proxy forwards to could act on something else than was decided on. */
export const misleads = (name: string): boolean =>
  methodOverrides.has(name) || misleading.has(name) || misleadingPrefixes.some((prefix) => name.startsWith(prefix))

const certificates: ReadonlySet<string> = new Set(['client-cert', 'client-cert-chain', 'x-client-cert'])
const certificatePrefixes: readonly string[] = ['x-ssl-client-', 'x-ssl-cert', 'ssl-client-']

/**
 * Whether a folded name is one by which a proxy tells a service which certificate a client has proven.
 * Spec: RFC 9440 section 4.
 */
export const namesCertificate = (name: string): boolean =>
  certificates.has(name) || certificatePrefixes.some((prefix) => name.startsWith(prefix))

/** Names by which other proxies tell a service who is calling, from where, or what was really asked. */
const spoofable: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded',
  'x-gatehouse',
  'x-request-id',
  'x-real-ip',
  'x-real-port',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-host',
  'x-http-host-override',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'fastly-client-ip',
  'client-ip',
  ...certificates,
  'remote-user',
  // As a CGI variable it is HTTP_PROXY, through which many programs then send their own requests.
  'proxy',
  'x-remote-user',
  'x-envoy-external-address',
  ...methodOverrides,
])

const spoofablePrefixes: readonly string[] = [
  'x-gatehouse-',
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-auth-request-',
  'x-authenticated-',
  'x-webauth-',
  'x-ssl-',
  'ssl-client-',
  'proxy-',
]

const remembered = new Map<string, HeaderName>()
/** Bound the memory that strangers can fill with spellings: how many, and how long one may be. */
const rememberedLimit = 2000
const rememberedLength = 64

/**
 * Reads a request header's name in whatever spelling it came. Names are compared with every character that is no letter
 * or digit taken for a dash, since services that see headers as CGI variables cannot tell `X_Gatehouse_Subject` from
 * `X-Gatehouse-Subject`. Cost: one map lookup for a spelling seen before.
 * Stops: identity and forwarding headers of the client's own making.
 */
export function readHeaderName(raw: string): HeaderName {
  const found = remembered.get(raw)
  if (found !== undefined) return found
  const name = raw.toLowerCase()
  const read: HeaderName = { kind: kindOf(name), name }
  if (remembered.size < rememberedLimit && raw.length <= rememberedLength) remembered.set(raw, read)
  return read
}

function kindOf(name: string): number {
  const kind = own.get(name)
  if (kind !== undefined) return kind
  const folded = foldHeaderName(name)
  // `expect` was answered here; a folded spelling of a header that frames or authenticates is nobody's honest header.
  if (hopByHop.has(folded) || folded === 'expect' || own.has(folded) || spoofable.has(folded)) return headerKind.drop
  return spoofablePrefixes.some((prefix) => folded.startsWith(prefix)) ? headerKind.drop : headerKind.pass
}

/** A lower-case header name as a CGI variable would have it: every character that is no letter or digit is a dash. */
export const foldHeaderName = (name: string): string => name.replace(/[^a-z0-9]/g, '-')

/**
 * The header names that a Connection value lists, lower case; nothing for the usual `keep-alive` and `close`.
 * Spec: RFC 9110 section 7.6.1.
 */
export function parseConnection(value: string): readonly string[] {
  const lower = value.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close') return []
  return lower.split(',').map((token) => token.trim())
}
