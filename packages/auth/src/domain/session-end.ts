import type { Seconds } from '@gatehouse/core/brand'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { SessionRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { oneFactor, twoFactors } from './acr.ts'
import { lastSignOf, lastUseOf } from './browser-sessions.ts'
import { type FactorAge, factorAgeOf, factorEnd, factorMomentOf } from './factor-age.ts'
import type { SessionLimits } from './sessions.ts'

interface Dependencies {
  readonly store: Pick<Store, 'grants' | 'sessions'>
  readonly clock: Clock
  readonly limits: () => SessionLimits
}

/**
 * Until when what a token was issued from lasts, as things stand; `undefined` where it has ended. That is the grant that its
 * client refreshes, by its absolute and its idle limit; where nothing is refreshed, the session. Where one of the classes of
 * sign-in `acr` is needed (none = any will do), and that is so by a second factor alone, it is the factor's end, if that comes
 * first. Nothing here counts as a use. Cost: one or two reads.
 */
export function createSessionEnds({ store, clock, limits }: Dependencies) {
  const factorLasts = (age: FactorAge, lastUse: Seconds): number => {
    const { factorIdle } = limits()
    // The last second of it counts.
    return 1 + Math.min(factorEnd(age), factorIdle === null ? Number.POSITIVE_INFINITY : lastUse + factorIdle)
  }
  const factorOfSession = (session: SessionRow): number => {
    if (session.acr !== twoFactors) return 0
    const age = factorAgeOf({ factor_at: factorMomentOf(session), auth_time: session.auth_time }, limits())
    return factorLasts(age, lastSignOf(session))
  }
  return async ({ claims }: VerifiedToken, acr: readonly string[]): Promise<Seconds | undefined> => {
    const { gid, sid } = claims
    const needsFactor = claims.acr === twoFactors && acr.includes(twoFactors) && !acr.includes(oneFactor)
    const grant = gid === undefined ? undefined : await store.grants.find(gid)
    // One that is over as soon as it begins has nothing to refresh.
    if (grant && grant.expires_at > grant.created_at) {
      const end = Math.min(grant.expires_at, grant.idle_expires_at)
      const factor = needsFactor ? factorLasts(factorAgeOf(grant, limits()), grant.rotated_at) : end
      return lasting(clock, seconds(Math.min(end, factor)))
    }
    const session = sid === undefined ? undefined : await store.sessions.findById(sid)
    if (session === undefined) return undefined
    const { expires_at, cookie_hash } = session
    const isOfBrowser = cookie_hash !== null
    const idle = isOfBrowser ? lastUseOf(session) + limits().browserIdle : expires_at
    return lasting(clock, seconds(Math.min(expires_at, idle, needsFactor ? factorOfSession(session) : idle)))
  }
}

const lasting = (clock: Clock, end: Seconds): Seconds | undefined => (end > clock.now() ? end : undefined)
