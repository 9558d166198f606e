import type { IncomingHttpHeaders } from 'node:http'

/** What to ask another server for. */
export interface OutboundRequest {
  /** GET unless said otherwise. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The media types that are taken, in lower case; where there is none the body is not read. */
  readonly accept: readonly string[]
  /** The most bytes that the body may have. */
  readonly limitBytes: number
  /** For everything together, from the name's resolution to the last byte; 5000 unless said otherwise. */
  readonly timeoutMs?: number
  /** Whether the body of a refusal (4xx, 5xx) is read too, where its media type is one of those that are taken. */
  readonly readsRefusals?: boolean
  /** Whether addresses of private networks may be asked, over https as ever; where whoever configures the host says so. */
  readonly allowsPrivate?: boolean
}

/** What the other server answered. */
export interface OutboundAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, for a status of 2xx and, where it was asked for, of a refusal; empty for any other. */
  readonly text: string
}
