import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { type CountedEvent, recordCounted } from '../../domain/audit.ts'
import type { Client } from '../../domain/clients.ts'
import { limitKey } from '../../http/client-address.ts'

/** Why a client was refused, as the audit trail says it. */
export type ClientFault =
  | 'no_client'
  | 'unknown_client'
  | 'wrong_method'
  | 'wrong_secret'
  | 'wrong_assertion'
  | 'wrong_certificate'

/** A client that has not proven itself. */
export interface RefusedClient {
  readonly fault: ClientFault
  /** Absent where there is none of that name: what is sent as one may be a secret. */
  readonly client: Client | undefined
  readonly address: string
  readonly requestId: string
}

/** Keeps refused clients for the audit trail. */
export interface ClientRefusals {
  /** Takes note where an error refuses a client, and nothing else. Cost: none but memory. */
  note(error: unknown, refused: RefusedClient): void
  /** Writes what has been noted since: to be called every now and then. What cannot be written is kept for the next time. */
  write(): Promise<void>
}

/** Rows of one minute, of all that strangers could bring about: what is more is one row that counts. */
const mostRows = 1000
/** Statements that are under way at a time: others wait for the database too. */
const atATime = 50

/**
 * Notes refused clients in memory: one row a minute for each client and source, of clients that there are not for each source
 * alone. Threat: guesses at a client's secret that nobody sees; a flood of them that becomes a flood of writes.
 */
export function createClientRefusals({
  store,
  clock,
}: {
  readonly store: Pick<Store, 'audit'>
  readonly clock: Clock
}): ClientRefusals {
  let waiting = new Map<string, CountedEvent>()
  let minute = 0
  let folds = new Set<string>()

  const hasRoom = (fold: string): boolean => folds.has(fold) || (folds.size < mostRows && folds.add(fold).size > 0)
  const add = (key: string, event: CountedEvent): void => {
    const before = waiting.get(key)
    waiting.set(key, before ? { ...before, count: before.count + event.count } : event)
  }
  const note = ({ fault, client, address, requestId }: RefusedClient): void => {
    const at = clock.now()
    if (Math.floor(at / 60) !== minute) {
      minute = Math.floor(at / 60)
      folds = new Set()
    }
    const fold = `${client?.id ?? '?'}|${limitKey(address)}`
    const isOwn = hasRoom(`${fault}|${fold}`)
    const key = `${minute}|${fault}|${isOwn ? fold : 'others'}`
    // A database that is away must not let them pile up.
    if (waiting.size >= 2 * mostRows && !waiting.has(key)) return
    const who = isOwn ? { client_id: client?.id ?? null, address, request_id: requestId } : {}
    add(key, { type: 'client_authentication', result: fault, ...who, at, count: 1, fold: isOwn ? fold : 'others' })
  }
  return {
    note(error, refused) {
      if (error instanceof GatehouseError && error.code === 'invalid_client') note(refused)
    },
    async write() {
      const events = [...waiting]
      waiting = new Map()
      let failure: unknown
      while (events.length > 0) {
        const some = events.splice(0, atATime)
        const done = await Promise.allSettled(some.map(([, event]) => recordCounted(store, event)))
        for (const [index, outcome] of done.entries()) {
          const [key, event] = some[index] ?? []
          if (outcome.status === 'fulfilled' || key === undefined || event === undefined) continue
          failure = outcome.reason
          add(key, event)
        }
        if (failure === undefined) continue
        for (const [key, event] of events.splice(0)) add(key, event)
      }
      if (failure !== undefined) throw failure
    },
  }
}
