import type { Seconds } from '@gatehouse/core/brand'
import type { SessionRow } from '@gatehouse/store/rows'
import { twoFactors } from './acr.ts'

/** When the second factor was shown that a session tells of; null = none was. */
export const factorMomentOf = ({
  acr,
  proven_at,
  auth_time,
}: Pick<SessionRow, 'acr' | 'proven_at' | 'auth_time'>): Seconds | null =>
  acr === twoFactors ? (proven_at ?? auth_time) : null
