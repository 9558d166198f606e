import type { Seconds } from '@gatehouse/core/brand'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { lastUseOf } from './browser-sessions.ts'
import type { SessionLimits } from './sessions.ts'

interface Dependencies {
  readonly store: Pick<Store, 'grants' | 'sessions'>
  readonly clock: Clock
  readonly limits: () => SessionLimits
}

/**
 * Until when what a token was issued from lasts, as things stand; `undefined` where it has ended. That is the grant that its
 * client refreshes, by its absolute and its idle limit; where nothing is refreshed, the session. Nothing here counts as a use.
 * Cost: one or two reads.
 */
export function createSessionEnds({ store, clock, limits }: Dependencies) {
  return async ({ claims: { gid, sid } }: VerifiedToken): Promise<Seconds | undefined> => {
    const grant = gid === undefined ? undefined : await store.grants.find(gid)
    // One that is over as soon as it begins has nothing to refresh.
    if (grant && grant.expires_at > grant.created_at) {
      return lasting(clock, seconds(Math.min(grant.expires_at, grant.idle_expires_at)))
    }
    const session = sid === undefined ? undefined : await store.sessions.findById(sid)
    if (session === undefined) return undefined
    const { expires_at, cookie_hash } = session
    const isOfBrowser = cookie_hash !== null
    const idle = isOfBrowser ? lastUseOf(session) + limits().browserIdle : expires_at
    return lasting(clock, seconds(Math.min(expires_at, idle)))
  }
}

const lasting = (clock: Clock, end: Seconds): Seconds | undefined => (end > clock.now() ? end : undefined)
