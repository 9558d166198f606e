import type { GrantId, Seconds } from '@gatehouse/core/brand'
import type { GrantRow } from './rows.ts'

/** What a refresh asks of a grant. */
export interface Rotation {
  readonly id: GrantId
  /** The generation that the refresh token names. */
  readonly generation: number
  /** By the caller's clock: what is over is judged by it. */
  readonly now: Seconds
  readonly idle_expires_at: Seconds
  /** The `exp` of the access token that goes with it. */
  readonly access_expires_at: Seconds
}

/** The two hot statements of refreshing, for many grants in one round trip. */
export interface GrantBatch {
  find(id: GrantId): Promise<GrantRow | undefined>
  /** Whether this call rotated the grant. */
  rotate(rotation: Rotation): Promise<boolean>
}
