import type { ClientId } from '@gatehouse/core/brand'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { LogoutDeliveryRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Outbound } from '../outbound/outbound.ts'
import { isDocumentAddress } from './client-documents.ts'
import { findFault, type OnClientNotice } from './client-notice.ts'
import type { Client, Clients } from './clients.ts'
import { signJwtInPool } from './sign-jwt.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Tells clients of sessions that have ended. */
export interface LogoutDeliveries {
  /**
   * Sends what is due, a few at a time to each client, and waits for the answers. What does not arrive is tried again, later each
   * time, for a day; what is written survives a restart. A client that does not answer gets nothing more for a while, longer each
   * time, and keeps nobody else's from being sent. Answers how many arrived. Never rejects for what a client does.
   */
  deliver(): Promise<number>
  /** Gives up what could not be delivered in its time. Cost: one statement for each 500. */
  giveUp(): Promise<void>
}

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly keys: Pick<SigningKeys, 'current'>
  readonly outbound: Outbound
  readonly onNotice: OnClientNotice
}

/** JOSE `typ` of a logout token. Spec: OpenID Connect Back-Channel Logout section 2.4. */
const logoutTokenType = 'logout+jwt'
/** The member of `events` that makes a logout token one. */
export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Seconds that a logout token is valid. */
const tokenLifetime = 120
/** Deliveries that are taken at a time; clients that are told at a time, those that answer first; and deliveries to each of them. */
const [atATime, clientsAtATime, toEach] = [50, 10, 5]
/** Deliveries that are given up at a time. */
const givenUpAtATime = 500
/** Seconds for which a client is left alone that did not take a delivery; twice as long each time. */
const rest = { first: 5, most: 1800 }
/** Seconds within which an attempt is over, whatever happens to it; another process then may try. */
const attemptLimit = 30
/** Seconds between attempts: the n-th failure is followed by the n-th of these, and then by the last. */
const pauses = [5, 30, 120, 600, 3600]

export function createLogoutDeliveries(dependencies: Dependencies): LogoutDeliveries {
  const { store, clock, clients, outbound, onNotice } = dependencies
  const resting = new Map<ClientId, { readonly failures: number; readonly until: number }>()
  const isResting = (id: ClientId): boolean => (resting.get(id)?.until ?? 0) > clock.now()

  const send = async (client: Client, uri: string, delivery: LogoutDeliveryRow) => {
    const token = await buildLogoutToken(dependencies, client, delivery)
    return outbound.fetch(uri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `logout_token=${token}`,
      accept: [],
      limitBytes: 0,
      allowsPrivate: client.privateNetwork,
    })
  }
  /** Whether it has arrived. */
  const tell = async (client: Client, uri: string, delivery: LogoutDeliveryRow): Promise<boolean> => {
    const why = await findFault(send(client, uri, delivery), (status) => status >= 200 && status < 300)
    const result = why === undefined ? 'delivered' : 'failed'
    onNotice({ kind: 'logout', clientId: client.id, result, why })
    return why === undefined
  }
  const noteUnread = (clientId: ClientId): false => {
    onNotice({ kind: 'logout', clientId, result: 'failed', why: 'the document that describes it cannot be read' })
    return false
  }
  const noteOutcome = (id: ClientId, arrived: boolean): void => {
    if (arrived) resting.delete(id)
    // Of several that fail together, one lengthens the rest.
    if (arrived || isResting(id)) return
    const failures = resting.get(id)?.failures ?? 0
    resting.set(id, { failures: failures + 1, until: clock.now() + Math.min(rest.first * 2 ** failures, rest.most) })
  }
  const deliverOne = async (delivery: LogoutDeliveryRow): Promise<boolean> => {
    if (isResting(delivery.client_id)) {
      const { id, attempts } = delivery
      await store.logoutDeliveries.postpone({ id, attempts: attempts - 1, next_attempt_at: clock.now() })
      return false
    }
    const client = await clients.find(delivery.client_id)
    // Of a client that is described by a document it is not known that it is no more: its server may be away.
    const isUnread = client === undefined && isDocumentAddress(delivery.client_id)
    if (!client?.backchannelLogout && !isUnread) {
      await store.logoutDeliveries.delete(delivery.id)
      return false
    }
    const uri = client?.backchannelLogout?.uri
    const arrived = client && uri !== undefined ? await tell(client, uri, delivery) : noteUnread(delivery.client_id)
    noteOutcome(delivery.client_id, arrived)
    if (arrived) await store.logoutDeliveries.delete(delivery.id)
    else {
      const pause = pauses[Math.min(delivery.attempts, pauses.length) - 1] ?? 0
      await store.logoutDeliveries.postpone({ id: delivery.id, next_attempt_at: seconds(clock.now() + pause) })
    }
    return arrived
  }
  /** All of a client's, a few at a time; how many arrived. */
  const deliverTo = async (deliveries: LogoutDeliveryRow[]): Promise<number> => {
    let arrived = 0
    await inParallel(toEach, async () => {
      for (let next = deliveries.shift(); next !== undefined; next = deliveries.shift()) {
        if (await deliverOne(next).catch(() => false)) arrived += 1
      }
    })
    return arrived
  }
  /** What is due by client, those first that were not found away; and whether there is more. */
  const takeDue = async (): Promise<{ groups: LogoutDeliveryRow[][]; isMore: boolean }> => {
    const found = new Map<ClientId, LogoutDeliveryRow[]>()
    let isMore = false
    for (const [id, { until }] of resting) if (until + rest.most < clock.now()) resting.delete(id)
    for (;;) {
      const now = clock.now()
      const except = [...[...resting.keys()].filter(isResting), ...found.keys()]
      const due = await store.logoutDeliveries.take({ now, until: seconds(now + attemptLimit), limit: atATime, except })
      for (const delivery of due) found.set(delivery.client_id, [...(found.get(delivery.client_id) ?? []), delivery])
      if (due.length < atATime) break
      isMore = true
    }
    const failuresOf = (id: ClientId | undefined): number => (id === undefined ? 0 : (resting.get(id)?.failures ?? 0))
    const groups = [...found.values()]
    groups.sort(([one], [other]) => failuresOf(one?.client_id) - failuresOf(other?.client_id))
    return { groups, isMore }
  }
  return {
    async deliver() {
      let arrived = 0
      for (;;) {
        const { groups, isMore } = await takeDue()
        await inParallel(clientsAtATime, async () => {
          for (let next = groups.shift(); next !== undefined; next = groups.shift()) {
            const count = await deliverTo(next)
            arrived += count
          }
        })
        if (!isMore) return arrived
      }
    },
    async giveUp() {
      let given: readonly ClientId[]
      do {
        given = await store.logoutDeliveries.deleteExpired(givenUpAtATime)
        for (const clientId of given) {
          onNotice({ kind: 'logout', clientId, result: 'given_up', why: 'not delivered for a day' })
        }
      } while (given.length === givenUpAtATime)
    },
  }
}

/** Runs the same work several times at once. */
const inParallel = async (count: number, work: () => Promise<void>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, work))
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
