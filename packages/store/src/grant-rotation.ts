import type { GrantId, Seconds } from '@gatehouse/core/brand'
import type { GrantRow } from './rows.ts'

/** What a use of a grant comes to for the second factor that it rests on. */
export interface FactorUse {
  /** By the caller's clock: what is over is judged by it. */
  readonly now: Seconds
  /**
   * The grant's `factor_at` becomes 0 where it was last used more seconds ago than this, by the clock of `grants.sinceRotation`,
   * or that clock was set back by more than machines may differ; null = it stays as it is.
   */
  readonly factor_idle: Seconds | null
}

/** What a grant says of its second factor once the use is noted. */
export type FactorLeft = Pick<GrantRow, 'factor_at'>

/** What a refresh asks of a grant. */
export interface Rotation extends FactorUse {
  readonly id: GrantId
  /** The generation that the refresh token names. */
  readonly generation: number
  readonly idle_expires_at: Seconds
  /** The `exp` of the access token that goes with it. */
  readonly access_expires_at: Seconds
}

/** The two hot statements of refreshing, for many grants in one round trip. */
export interface GrantBatch {
  find(id: GrantId): Promise<GrantRow | undefined>
  /** Undefined where this call has not rotated the grant. */
  rotate(rotation: Rotation): Promise<FactorLeft | undefined>
}
