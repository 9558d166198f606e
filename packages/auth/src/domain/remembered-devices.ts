import type { IncomingHttpHeaders } from 'node:http'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store, Tables } from '@gatehouse/store/store'
import type { Cookies } from '../http/cookies.ts'
import { hashCookie } from './browser-sessions.ts'

/** Browsers that need not show a second factor for a while. */
export interface RememberedDevices {
  /** Cost: nothing without the cookie, else one read. */
  isRemembered(headers: IncomingHttpHeaders, user: UserId): Promise<boolean>
  /** Remembers a browser in the sign-in's transaction; the Set-Cookie header. Undefined where none are remembered. */
  remember(tables: Tables, user: UserId, device: string): Promise<string | undefined>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly cookies: Cookies
  /** Seconds; 0 = none are remembered. */
  readonly lifetime: () => Seconds
}

export function createRememberedDevices({ store, clock, cookies, lifetime }: Dependencies): RememberedDevices {
  return {
    async isRemembered(headers, user) {
      const value = cookies.findDevice(headers)
      if (value === undefined || lifetime() === 0) return false
      return store.rememberedDevices.has({ hash: hashCookie(value), user_id: user, now: clock.now() })
    },
    async remember(tables, user, device) {
      if (lifetime() === 0) return undefined
      const value = randomToken(32)
      const now = clock.now()
      const expires_at = seconds(now + lifetime())
      await tables.rememberedDevices.insert({
        hash: hashCookie(value),
        user_id: user,
        device,
        created_at: now,
        expires_at,
      })
      return cookies.setDevice(value, lifetime())
    },
  }
}
