import type { Seconds } from '@gatehouse/core/brand'

/** A refusal of the gateway, as strangers report it by its id. No query, header or token is ever in it. */
export interface RefusalRow {
  /** `dec_…` */
  readonly id: string
  readonly request_id: string
  /** Of the catalogue. */
  readonly code: string
  readonly status: number
  /** The service's name and the route's pattern; empty where none matched. */
  readonly route: string
  readonly method: string
  readonly host: string
  /** Canonical. */
  readonly path: string
  readonly address: string
  /** Who asked, as the token says; empty where nobody was known. */
  readonly subject: string
  readonly client_id: string
  /** The part of the route's rule that said no; empty where none did. */
  readonly rule: string
  readonly reason: string
  readonly needed: string
  readonly at: Seconds
  readonly expires_at: Seconds
}
