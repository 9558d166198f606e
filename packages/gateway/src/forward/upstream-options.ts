import { createHash } from 'node:crypto'

/** Which upstream of a service gets a request: the next one, the one with least to do, or always the same for a caller. */
export type Balance = 'round_robin' | 'least_loaded' | 'sticky'

/** How connections to upstreams are proven, beyond what is known to every program: texts in PEM. */
export interface UpstreamTls {
  /** Whose certificates are believed, in place of the usual authorities. */
  readonly ca?: string | undefined
  /** What Gatehouse shows, with its key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name that a certificate must be for; absent = the upstream's own. */
  readonly serverName?: string | undefined
}

/** How an upstream is asked whether it is well. */
export interface HealthCheck {
  readonly path: string
  /** Milliseconds between two questions. */
  readonly every: number
  /** Milliseconds for an answer. */
  readonly timeout: number
}

/** What sets one upstream apart from another one at the same origin. */
export interface UpstreamOptions {
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number; readonly headers: number; readonly idle: number }
  /** How many at the most; absent = as many as is usual. A request that finds none waits for one, and a stream keeps one. */
  readonly connections?: number | undefined
  readonly tls?: UpstreamTls | undefined
  readonly health?: HealthCheck | undefined
}

/**
 * Where an upstream that is asked over HTTP/2 really is: http://… for `h2c://…`, https://… for `h2://…` (the names of RFC 9113
 * section 3.1 and of ALPN). `undefined` for one that is asked over HTTP/1.1.
 */
export function findHttp2Origin(origin: string): string | undefined {
  if (origin.startsWith('h2c://')) return `http${origin.slice(3)}`
  return origin.startsWith('h2://') ? `https${origin.slice(2)}` : undefined
}

/** By which an upstream is known again: two services may share one. Keys are in it as a hash only. */
export function identifyUpstream(origin: string, { timeouts, connections, tls, health }: UpstreamOptions): string {
  const proof = tls === undefined ? '' : createHash('sha256').update(JSON.stringify(tls)).digest('base64url')
  const { connect, headers, idle } = timeouts
  return JSON.stringify([origin, connect, headers, idle, connections ?? null, proof, health ?? null])
}
