import type { Seconds } from '@gatehouse/core/brand'
import { clockTolerance, seconds } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { GrantRow, SessionRow } from '@gatehouse/store/rows'
import { oneFactor, showsSomethingElse, twoFactors } from './acr.ts'
import type { FactorLimits } from './sessions.ts'

/** When the second factor was shown that a session tells of; null = none was. */
export const factorMomentOf = ({
  acr,
  proven_at,
  auth_time,
}: Pick<SessionRow, 'acr' | 'proven_at' | 'auth_time'>): Seconds | null =>
  acr === twoFactors ? (proven_at ?? auth_time) : null

/**
 * Whether a second factor counts no longer, since nobody has used what rests on it. A clock that was set back says nothing of how
 * long that was: then it does not count either. Spec: NIST SP 800-63B-4 section 2.2.3.
 */
export function isUnused(lastUse: Seconds, { factorIdle }: Pick<FactorLimits, 'factorIdle'>, now: Seconds): boolean {
  const elapsed = now - lastUse
  return factorIdle !== null && (elapsed > factorIdle || elapsed < -clockTolerance)
}

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

/** What is said of the factor's moment where it counts no longer, since nobody has used what rests on it. */
export const goneUnused = seconds(0)

/** Of which age the factor is that a grant rests on. */
export const factorAgeOf = (
  { factor_at, auth_time }: Pick<GrantRow, 'factor_at' | 'auth_time'>,
  { secondFactor }: Pick<FactorLimits, 'secondFactor'>,
): FactorAge => ({ shownAt: factor_at, authTime: auth_time, lasts: secondFactor })

/** Until when a second factor counts, provided that it is used. */
export const factorEnd = ({ shownAt, authTime, lasts }: FactorAge): Seconds => seconds((shownAt ?? authTime) + lasts)

/**
 * A sign-in as strong as it is by now: a second factor that was shown long ago is none any more, and nothing tells of it.
 * What goes in comes out where it still counts. Spec: NIST SP 800-63B-4 section 2.2.3. Cost: no I/O.
 */
export function asStrongAsNow<Row extends Strength>(row: Row, age: FactorAge, now: Seconds): Row {
  const counts = row.acr === twoFactors && now <= factorEnd(age)
  // Both are written together: of a session that says one of them alone the factor has gone unused.
  const tellsOfIt = row.acr === twoFactors || splitWords(row.amr).includes('mfa')
  return counts || !tellsOfIt ? row : { ...row, acr: oneFactor, amr: withoutSecondFactor(row.amr) }
}

/** What was known, or vouched for, stays; a passkey by which somebody has signed in alone stays as the key that it is. */
function withoutSecondFactor(amr: string): string {
  const methods = amr.split(' ').filter((method) => method !== 'mfa')
  const others = methods.filter(showsSomethingElse)
  return (others.length > 0 ? others : methods).join(' ')
}
