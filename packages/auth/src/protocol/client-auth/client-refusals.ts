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

/**
 * Rows of one minute, of all that strangers could bring about: of sources, and of clients as a whole, by which guesses from more
 * sources than that are told. What is more is one row that counts.
 */
const mostRows = 1000
/** Statements that are under way at a time: others wait for the database too. */
const atATime = 50

/**
 * Notes refused clients in memory: one row a minute for each client and source, of clients that there are not for each source
 * alone. Threat: guesses at a client's secret that nobody sees, or that hide behind a flood of others; a flood of them that becomes
 * a flood of writes.
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
  let sources = new Set<string>()
  let whole = new Set<string>()
  /** Keys of what waits, and of what is being written. A database that is away must not let them pile up. */
  const held = new Set<string>()

  const hasRoom = (set: Set<string>, fold: string): boolean =>
    set.has(fold) || (set.size < mostRows && set.add(fold).size > 0)
  const isHeld = (key: string): boolean => held.has(key) || (held.size < 2 * mostRows && held.add(key).size > 0)
  const add = (key: string, event: CountedEvent): void => {
    const before = waiting.get(key)
    waiting.set(key, before ? { ...before, count: before.count + event.count } : event)
  }
  const note = ({ fault, client, address, requestId }: RefusedClient): void => {
    const at = clock.now()
    if (Math.floor(at / 60) !== minute) {
      minute = Math.floor(at / 60)
      sources = new Set()
      whole = new Set()
    }
    const named = { client_id: client?.id ?? null }
    const put = (fold: string, who: Partial<CountedEvent>): void => {
      const key = `${minute}|${fault}|${fold}`
      if (isHeld(key)) add(key, { type: 'client_authentication', result: fault, ...who, at, count: 1, fold })
    }
    const fold = `${client?.id ?? '?'}|${limitKey(address)}`
    if (hasRoom(sources, `${fault}|${fold}`)) put(fold, { ...named, address, request_id: requestId })
    else if (client && hasRoom(whole, `${fault}|${client.id}`)) put(`${client.id}|others`, named)
    else put('others', {})
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
          if (key === undefined || event === undefined) continue
          if (outcome.status === 'fulfilled') {
            if (!waiting.has(key)) held.delete(key)
            continue
          }
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
