import { setTimeout as wait } from 'node:timers/promises'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import type { Outbound } from '../outbound/outbound.ts'
import { findFault, type OnClientNotice } from './client-notice.ts'
import type { Client } from './clients.ts'
import type { KeyRing } from './key-rings.ts'
import { sealUnder, unsealUnder } from './ring-sealing.ts'

/** What a ping says, and how it proves where it comes from. */
export interface PingContent {
  readonly authRequestId: string
  /** The client's own bearer token. */
  readonly token: string
}

/** Tells clients that a user has decided. Spec: CIBA Core section 10.2. */
export interface BackchannelPings {
  /** What is needed for a ping, sealed for the row of that hash alone. */
  seal(hash: string, content: PingContent): string
  /**
   * Pings the client of a request, if it asked for that; tries again a few times. Never rejects: a client that cannot be
   * reached polls. Which way the user has decided, the ping does not say.
   */
  send(client: Client, request: Pick<DecoupledRequestRow, 'hash' | 'sealed_notification_token'>): Promise<void>
}

interface Dependencies {
  readonly outbound: Pick<Outbound, 'fetch'>
  readonly ring: KeyRing
  readonly onNotice: OnClientNotice
}

/** Milliseconds before each try. */
const usualDelays: readonly number[] = [0, 1000, 5000, 20_000]

const placeOf = (hash: string): string => `decoupled_requests.sealed_notification_token:${hash}`

export function createBackchannelPings(
  { outbound, ring, onNotice }: Dependencies,
  delays: readonly number[] = usualDelays,
): BackchannelPings {
  const open = (hash: string, sealed: string): PingContent | undefined => {
    const content = unsealUnder(ring, sealed, placeOf(hash))
    // Only `seal` below makes what opens here.
    return content === undefined ? undefined : (JSON.parse(content) as PingContent)
  }
  /** One try; whether there is nothing more to try: it has arrived, or the client does not want it. */
  const ping = async (client: Client, endpoint: string, content: PingContent, isLast: boolean): Promise<boolean> => {
    let isUnwanted = false
    const answer = outbound.fetch(endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${content.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ auth_req_id: content.authRequestId }),
      accept: [],
      limitBytes: 0,
      allowsPrivate: client.privateNetwork,
    })
    const why = await findFault(answer, (status) => {
      isUnwanted = status >= 400 && status < 500 && status !== 429
      return status < 400
    })
    const isOver = isLast || isUnwanted
    const result = why === undefined ? 'delivered' : isOver ? 'given_up' : 'failed'
    onNotice({ kind: 'ping', clientId: client.id, result, why })
    return why === undefined || isOver
  }
  return {
    seal: (hash, content) => sealUnder(ring, JSON.stringify(content), placeOf(hash)),

    async send(client, { hash, sealed_notification_token: sealed }) {
      const endpoint = client.ciba?.notificationEndpoint
      const content = sealed === null ? undefined : open(hash, sealed)
      if (endpoint === undefined || !content) return
      for (const [index, delay] of delays.entries()) {
        if (delay > 0) await wait(delay, undefined, { ref: false })
        if (await ping(client, endpoint, content, index === delays.length - 1)) return
      }
    },
  }
}
