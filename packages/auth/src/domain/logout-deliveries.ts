import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { LogoutDeliveryRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Outbound } from '../outbound/outbound.ts'
import type { Client, Clients } from './clients.ts'
import { signJwtInPool } from './sign-jwt.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Tells clients of sessions that have ended. */
export interface LogoutDeliveries {
  /**
   * Sends what is due, all of it in parallel, and waits for the answers. What does not arrive is tried again, later each
   * time, for a day; what is written survives a restart. Answers how many arrived. Never rejects for what a client does.
   */
  deliver(): Promise<number>
}

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly keys: Pick<SigningKeys, 'current'>
  readonly outbound: Outbound
}

/** JOSE `typ` of a logout token. Spec: OpenID Connect Back-Channel Logout section 2.4. */
const logoutTokenType = 'logout+jwt'
/** The member of `events` that makes a logout token one. */
export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Seconds that a logout token is valid. */
const tokenLifetime = 120
/** Deliveries that are under way at a time. */
const atATime = 50
/** Seconds within which an attempt is over, whatever happens to it; another process then may try. */
const attemptLimit = 30
/** Seconds between attempts: the n-th failure is followed by the n-th of these, and then by the last. */
const pauses = [5, 30, 120, 600, 3600]

export function createLogoutDeliveries(dependencies: Dependencies): LogoutDeliveries {
  const { store, clock, clients, outbound } = dependencies

  const send = async (client: Client, uri: string, delivery: LogoutDeliveryRow): Promise<boolean> => {
    const token = await buildLogoutToken(dependencies, client, delivery)
    const answer = await outbound.fetch(uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `logout_token=${token}`,
      accept: [],
      limitBytes: 0,
    })
    return answer.status >= 200 && answer.status < 300
  }
  const deliverOne = async (delivery: LogoutDeliveryRow): Promise<boolean> => {
    const client = await clients.find(delivery.client_id)
    if (!client?.backchannelLogout) {
      await store.logoutDeliveries.delete(delivery.id)
      return false
    }
    const arrived = await send(client, client.backchannelLogout.uri, delivery).catch(() => false)
    if (arrived) await store.logoutDeliveries.delete(delivery.id)
    else {
      const pause = pauses[Math.min(delivery.attempts, pauses.length) - 1] ?? 0
      await store.logoutDeliveries.postpone({ id: delivery.id, next_attempt_at: seconds(clock.now() + pause) })
    }
    return arrived
  }
  return {
    async deliver() {
      let arrived = 0
      for (;;) {
        const now = clock.now()
        const due = await store.logoutDeliveries.take({ now, until: seconds(now + attemptLimit), limit: atATime })
        const outcomes = await Promise.allSettled(due.map(deliverOne))
        arrived += outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
        if (due.length < atATime) return arrived
      }
    },
  }
}

/** A logout token. Spec: OpenID Connect Back-Channel Logout section 2.4. Cost: one signature. */
const buildLogoutToken = (
  { issuer, clock, keys }: Dependencies,
  client: Client,
  { subject, sid }: LogoutDeliveryRow,
): Promise<string> => {
  const now = clock.now()
  return signJwtInPool(keys.current(client.idToken.alg), logoutTokenType, {
    iss: issuer,
    aud: client.id,
    sub: subject,
    sid,
    iat: now,
    exp: now + tokenLifetime,
    jti: randomToken(16),
    events: { [logoutEvent]: {} },
  })
}
