import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { ClientCredential } from './client-credential.ts'
import type { GuardRefusal } from './refusal.ts'
import { createRefusalLog } from './refusal-log.ts'
import { parseServerUrl } from './server-url.ts'
import { systemClock } from './system-clock.ts'

/** How a guard learns of revocations. */
export type RevocationMode = 'feed' | 'introspect' | 'expiry'

/** How a service's guard is set up. */
export interface GuardOptions {
  /** The issuer, exactly as it stands in tokens. https, or http on this machine. */
  readonly issuer: string
  /** This service's audience, or several: a token must be addressed to one of them. */
  readonly audience: string | readonly string[]
  /** Where the keys are; the issuer's metadata says it otherwise. */
  readonly jwksUri?: string
  /** This service's own client, for the revocation feed and introspection. A secret that the environment lacks is refused. */
  readonly client?: { readonly id: string; readonly secret: string | undefined }
  /**
   * How the guard learns that a token is revoked: `feed`, the default where there is a `client`, follows the issuer's feed
   * and asks nobody; `introspect` asks the issuer about each access token, at most once in 5 s; `expiry`, the default
   * without a `client`, does not learn of it: a token of an ended session stays good here until it expires.
   */
  readonly revocations?: RevocationMode
  /** What happens to tokens while the feed is lost: each is asked about (`introspect`, the default), or all are refused. */
  readonly whenFeedIsLost?: 'introspect' | 'refuse'
  /** Seconds without a sign of life after which the feed counts as lost; 15, at least 11, since they come each 10 s. */
  readonly feedLostAfter?: number
  /**
   * Accepts tokens that are bound to a key, with the proofs that come with them (RFC 9449). `origin` is how clients reach this
   * service, such as `https://api.example.com`: proofs name the whole URL. That a proof counts once is remembered by this
   * process alone. Without it such tokens are refused.
   */
  readonly dpop?: { readonly origin: string }
  /**
   * Hears of every refusal, with its `reason` and `cause`: for the service's own log. Without it, what whoever runs the service can
   * mend (a wrong audience, an issuer that is not reached) goes to `console.warn`, each reason at most once a minute.
   */
  readonly onRefusal?: (refusal: GuardRefusal) => void
  readonly fetch?: typeof fetch
  readonly clock?: Clock
  /** How many verified tokens are remembered; 10,000 unless said otherwise. */
  readonly cacheSize?: number
  /** What is unsafe outside a closed network. */
  readonly insecure?: { readonly allowHttpIssuer?: boolean }
}

/** The options with everything filled in that has a usual value. */
export interface ParsedGuardOptions {
  readonly issuer: string
  readonly audiences: readonly [string, ...string[]]
  readonly jwksUri: string | undefined
  readonly client: ClientCredential | undefined
  readonly revocations: RevocationMode
  readonly whenFeedIsLost: 'introspect' | 'refuse'
  readonly feedLostAfter: number
  readonly dpopOrigin: string | undefined
  readonly onRefusal: (refusal: GuardRefusal) => void
  readonly fetch: typeof fetch
  readonly clock: Clock
  readonly cacheSize: number | undefined
  readonly allowHttp: boolean
}

const knownOptions: ReadonlySet<string> = new Set<keyof GuardOptions>([
  'issuer',
  'audience',
  'jwksUri',
  'client',
  'revocations',
  'whenFeedIsLost',
  'feedLostAfter',
  'dpop',
  'onRefusal',
  'fetch',
  'clock',
  'cacheSize',
  'insecure',
])

/** Checks the options of a guard. Throws a GatehouseError that says which one makes no sense, unknown ones included. */
export function parseGuardOptions(options: GuardOptions): ParsedGuardOptions {
  for (const name of Object.keys(options)) if (!knownOptions.has(name)) throw malformed(`unknown option "${name}"`)
  const allowHttp = options.insecure?.allowHttpIssuer === true
  const issuer = parseServerUrl(options.issuer, { what: 'issuer', allowHttp })
  if (issuer.search !== '' || options.issuer.includes('?')) throw malformed('an issuer has no query')
  if (options.jwksUri !== undefined) parseServerUrl(options.jwksUri, { what: 'jwksUri', allowHttp })
  const [first, ...others] = typeof options.audience === 'string' ? [options.audience] : (options.audience ?? [])
  if (!first || others.includes('')) throw malformed('audience must name this service, as its tokens do')
  if (options.dpop && !isOrigin(options.dpop.origin)) throw malformed('dpop.origin is a scheme and a host, and no more')
  const { cacheSize } = options
  if (cacheSize !== undefined && !(Number.isSafeInteger(cacheSize) && cacheSize > 0)) {
    throw malformed('cacheSize is a whole number above 0')
  }
  const { onRefusal, clock = systemClock } = options
  const client = options.client && parseClient(options.client)
  if (onRefusal !== undefined && typeof onRefusal !== 'function') throw malformed('onRefusal is a function')
  const revocations = options.revocations ?? (options.client ? 'feed' : 'expiry')
  checkRevocations(options, revocations)
  return {
    issuer: options.issuer,
    audiences: [first, ...others],
    jwksUri: options.jwksUri,
    client,
    revocations,
    whenFeedIsLost: options.whenFeedIsLost ?? 'introspect',
    feedLostAfter: options.feedLostAfter ?? 15,
    dpopOrigin: options.dpop?.origin,
    onRefusal: onRefusal ?? createRefusalLog(clock),
    fetch: options.fetch ?? globalThis.fetch,
    clock,
    cacheSize,
    allowHttp,
  }
}

function parseClient({ id, secret }: NonNullable<GuardOptions['client']>): ClientCredential {
  if (!id || !secret) throw malformed('client has an id and a secret')
  return { id, secret }
}

function checkRevocations({ client, whenFeedIsLost, feedLostAfter }: GuardOptions, mode: string): void {
  if (!['feed', 'introspect', 'expiry'].includes(mode)) throw malformed('revocations is feed, introspect or expiry')
  if (mode !== 'expiry' && !client) throw malformed(`revocations: '${mode}' needs a client that may introspect`)
  if (mode !== 'feed' && (whenFeedIsLost ?? feedLostAfter) !== undefined) {
    throw malformed('whenFeedIsLost and feedLostAfter are for guards that follow the feed')
  }
  if (!['introspect', 'refuse', undefined].includes(whenFeedIsLost)) {
    throw malformed('whenFeedIsLost is introspect or refuse')
  }
  if (feedLostAfter !== undefined && !(Number.isFinite(feedLostAfter) && feedLostAfter >= 11)) {
    throw malformed('feedLostAfter is a number of seconds, at least 11')
  }
}

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text && /^https?:/.test(text)

const malformed = (what: string): GatehouseError =>
  new GatehouseError('server_error', { description: `The guard's options are malformed: ${what}` })
