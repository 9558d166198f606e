import { METHODS, validateHeaderName } from 'node:http'

/** Which pages of other origins may call a service, as the configuration names it. */
export interface CorsDefinition {
  /** Exactly as browsers say them, such as `https://app.example.com`; or `*` alone: any. */
  readonly origins: readonly string[]
  /** Absent = those that the routes have. */
  readonly methods?: readonly string[] | undefined
  /** Which request headers scripts may set. */
  readonly headers?: readonly string[] | undefined
  /** Whether browsers may send cookies along. */
  readonly credentials?: boolean | undefined
  /** Which headers of answers scripts may read, beside the harmless ones and those that the gateway answers with. */
  readonly expose?: readonly string[] | undefined
  /** Seconds for which a browser remembers what a preflight said. */
  readonly maxAge?: number | undefined
}

/** The same, ready. Lists of headers are name, value, name, value. */
export interface CorsPolicy {
  /** What answers say, by the origin that asks. */
  readonly byOrigin: ReadonlyMap<string, readonly string[]>
  /** What answers say to any other one, and to who names none. */
  readonly toOthers: readonly string[]
  /** Whether any origin is allowed. */
  readonly any: boolean
  /** What preflights say beside that; absent `methods` = the route's. */
  readonly methods: string | undefined
  readonly preflight: readonly string[]
}

const defaultHeaders: readonly string[] = ['Authorization', 'Content-Type', 'DPoP']
const defaultMaxAge = 600
/** What the gateway itself tells clients by: why it refuses, until when, and the nonce that their next proof needs (RFC 9449 section 8). */
const alwaysExposed: readonly string[] = ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After']

/** Why a definition cannot be meant, as a sentence; `undefined` where it can. */
export function checkCors(definition: CorsDefinition): string | undefined {
  const { origins, methods = [], headers = [], expose = [], credentials, maxAge = 0 } = definition
  if (origins.length === 0) return 'cors.origins is empty: name an origin, or leave cors out'
  if (origins.includes('*')) {
    if (origins.length > 1) return 'cors.origins: * stands alone'
    if (credentials === true) return 'cors.credentials: browsers never send them to *; list the origins'
  }
  const wrong = origins.find((origin) => origin !== '*' && !isOrigin(origin))
  if (wrong !== undefined) return `cors.origins: "${wrong}" is no origin such as https://app.example.com`
  const method = methods.find((name) => !METHODS.includes(name))
  if (method !== undefined) return `cors.methods: "${method}" is no method; methods are written in capitals`
  const header = [...headers, ...expose].find((name) => !isHeaderName(name))
  if (header !== undefined) return `cors: "${header}" is no header name; * is none either`
  return maxAge >= 0 && maxAge <= 86_400 ? undefined : 'cors.max_age is at most 1d'
}

/** As browsers write it: they are compared letter by letter, so that any other spelling would never match. */
function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(text)) return false
  return !/^https?:/.test(text) || (URL.canParse(text) && new URL(text).origin === text)
}

/** Whether a name may stand before a colon. `*` may, and would mean every header. */
export function isHeaderName(name: string): boolean {
  try {
    validateHeaderName(name)
    return name !== '*'
  } catch {
    return false
  }
}

/** Makes a definition ready. It is known to be well-formed; see {@link checkCors}. */
export function buildCors(definition: CorsDefinition): CorsPolicy {
  const { origins, methods, headers = defaultHeaders, credentials = false, expose = [] } = definition
  const named = new Set(expose.map((name) => name.toLowerCase()))
  const exposed = [...expose, ...alwaysExposed.filter((name) => !named.has(name.toLowerCase()))]
  const say = (origin: string): readonly string[] => [
    ...['access-control-allow-origin', origin],
    ...(credentials ? ['access-control-allow-credentials', 'true'] : []),
    ...['access-control-expose-headers', exposed.join(', ')],
    ...(origin === '*' ? [] : ['vary', 'Origin']),
  ]
  const any = origins.includes('*')
  return {
    byOrigin: new Map(any ? [] : origins.map((origin) => [origin, say(origin)])),
    toOthers: any ? say('*') : ['vary', 'Origin'],
    any,
    methods: methods?.join(', '),
    preflight: [
      ...['access-control-allow-headers', headers.join(', ')],
      ...['access-control-max-age', String(definition.maxAge ?? defaultMaxAge)],
      ...['vary', 'Access-Control-Request-Method, Access-Control-Request-Headers'],
    ],
  }
}

/** What an answer to this origin says. Cost: a look-up. */
export const corsHeaders = ({ byOrigin, toOthers }: CorsPolicy, origin: string | undefined): readonly string[] =>
  (origin === undefined ? undefined : byOrigin.get(origin)) ?? toOthers

/** The headers by which a service would speak of CORS itself. */
export const corsHeaderNames: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
]
