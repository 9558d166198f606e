import type { Seconds } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import type { SessionRow } from '@gatehouse/store/rows'
import { oneFactor, showsSomethingElse, twoFactors } from './acr.ts'

/** When the second factor was shown that a session tells of; null = none was. */
export const factorMomentOf = ({
  acr,
  proven_at,
  auth_time,
}: Pick<SessionRow, 'acr' | 'proven_at' | 'auth_time'>): Seconds | null =>
  acr === twoFactors ? (proven_at ?? auth_time) : null

/** What a sign-in says of how strong it was. */
interface Strength {
  readonly acr: string
  /** Methods with one space between two. */
  readonly amr: string
}

/** Of which age a second factor counts. */
export interface FactorAge {
  /** null = as old as the sign-in. */
  readonly shownAt: Seconds | null
  readonly authTime: Seconds
  /** Seconds for which it counts. */
  readonly lasts: Seconds
}

/** Until when a second factor counts. */
export const factorEnd = ({ shownAt, authTime, lasts }: FactorAge): Seconds => seconds((shownAt ?? authTime) + lasts)

/**
 * A sign-in as strong as it is by now: a second factor that was shown long ago is none any more, and nothing tells of it.
 * What goes in comes out where it still counts. Spec: NIST SP 800-63B-4 section 2.2.3. Cost: no I/O.
 */
export function asStrongAsNow<Row extends Strength>(row: Row, age: FactorAge, now: Seconds): Row {
  if (row.acr !== twoFactors || now <= factorEnd(age)) return row
  return { ...row, acr: oneFactor, amr: withoutSecondFactor(row.amr) }
}

/** What was known, or vouched for, stays; a passkey by which somebody has signed in alone stays as the key that it is. */
function withoutSecondFactor(amr: string): string {
  const methods = amr.split(' ').filter((method) => method !== 'mfa')
  const others = methods.filter(showsSomethingElse)
  return (others.length > 0 ? others : methods).join(' ')
}
