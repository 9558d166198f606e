import type { IncomingMessage } from 'node:http'

/** Headers of which services say what they have been sent. */
export const recorded = [
  ...['host', 'cookie', 'authorization', 'content-length', 'transfer-encoding', 'content-encoding', 'trailer'],
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-prefix', 'x-forwarded-uri'],
  ...['x-forwarded-user', 'x-real-ip', 'x-original-url', 'forwarded', 'x-gatehouse-subject', 'x-gatehouse-roles'],
  ...['upgrade', 'http2-settings', 'origin', 'x-smuggled'],
] as const

/** One request in a service's own record. */
export interface Received {
  readonly method: string
  /** As it stood in the request line. */
  readonly target: string
  /** As the service reads it to choose what to do: nginx decodes and resolves it. */
  readonly path: string
  /** Whom the service takes for the client where it believes proxies. */
  readonly address: string
  /** Empty where there was none. */
  readonly headers: Readonly<Record<(typeof recorded)[number], string>>
}

/** A running service of some make. */
export interface Upstream {
  readonly origin: string
  /** The requests of which it has read the headers, the oldest first, questions of the tests' own left out. */
  received(): Promise<readonly Received[]>
  /** How many bytes each body had that came to its end; those of empty ones left out. Of `/upload` alone at nginx. */
  readonly bodies: readonly number[]
  stop(): Promise<void>
}

/** Records a request of node:http: its path as the service reads it, and whom that takes for the client. */
export function record({ method = '', url = '', headers }: IncomingMessage, path: string, address: string): Received {
  const values = recorded.map((name) => [name, String(headers[name] ?? '')])
  return { method, target: url, path, address, headers: Object.fromEntries(values) }
}
