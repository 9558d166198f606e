import { setTimeout as wait } from 'node:timers/promises'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import type { Outbound } from '../outbound/outbound.ts'
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

/** Milliseconds before each try. */
const usualDelays: readonly number[] = [0, 1000, 5000, 20_000]

const placeOf = (hash: string): string => `decoupled_requests.sealed_notification_token:${hash}`

export function createBackchannelPings(
  { outbound, ring }: { readonly outbound: Pick<Outbound, 'fetch'>; readonly ring: KeyRing },
  delays: readonly number[] = usualDelays,
): BackchannelPings {
  const open = (hash: string, sealed: string): PingContent | undefined => {
    const content = unsealUnder(ring, sealed, placeOf(hash))
    // Only `seal` below makes what opens here.
    return content === undefined ? undefined : (JSON.parse(content) as PingContent)
  }
  /** Whether there is nothing more to try: it has arrived, or the client does not want it. */
  const ping = async (endpoint: string, { authRequestId, token }: PingContent): Promise<boolean> => {
    const { status } = await outbound.fetch(endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ auth_req_id: authRequestId }),
      accept: [],
      limitBytes: 0,
    })
    return status < 500 && status !== 429
  }
  return {
    seal: (hash, content) => sealUnder(ring, JSON.stringify(content), placeOf(hash)),

    async send(client, { hash, sealed_notification_token: sealed }) {
      const endpoint = client.ciba?.notificationEndpoint
      const content = sealed === null ? undefined : open(hash, sealed)
      if (endpoint === undefined || !content) return
      for (const delay of delays) {
        if (delay > 0) await wait(delay, undefined, { ref: false })
        if (await ping(endpoint, content).catch(() => false)) return
      }
    },
  }
}
