import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { limitKey } from './client-address.ts'

/** Counts by address what a stranger can make this process do, or the database keep, without having proven anything. */
export interface AddressLimit {
  /** Whether an address is past the limit. Cost: nothing while nothing has been counted. */
  isOver(address: string): boolean
  count(address: string, ones?: number): void
  /** Counts one or, of what is large, several; or refuses: `too_many_requests`. */
  take(address: string, ones?: number): void
  /** Seconds until the counts start anew. */
  readonly retryAfter: number
}

/** Failed signatures that one address may cause in a minute, of tokens, proofs and assertions: about one percent of a core. */
export const defaultFailureLimit = 6000
/**
 * Rows that one address may cause in a minute: of flows, of requests that a public client pushes or begins on a device, and of
 * assertions of clients that registered themselves.
 */
export const beginningLimit = 1000
/** Requests of one address in a minute that cost a hash or a mail. */
export const mailRequestLimit = 30
/** As how many rows a text counts that is kept for a stranger: one for every 4 KiB that it begins. */
export const rowsFor = (text: string): number => Math.ceil(text.length / 4096)
const windowSeconds = 60
const addressLimit = 10_000

/** At most so many an address in a minute; what a reload may change is asked for at each use. In memory: each process has its own. */
export function createAddressLimit(clock: Clock, perMinute: number | (() => number)): AddressLimit {
  const findLimit = typeof perMinute === 'function' ? perMinute : () => perMinute
  let counts = new Map<string, number>()
  let windowEnds = 0
  const open = (): void => {
    if (clock.now() < windowEnds && windowEnds - clock.now() <= windowSeconds) return
    counts = new Map()
    windowEnds = clock.now() + windowSeconds
  }
  const limit: AddressLimit = {
    isOver(address) {
      if (counts.size === 0) return false
      open()
      return (counts.get(limitKey(address)) ?? 0) >= findLimit()
    },
    count(address, ones = 1) {
      open()
      const key = limitKey(address)
      if (counts.size >= addressLimit && !counts.has(key)) counts.clear()
      counts.set(key, (counts.get(key) ?? 0) + ones)
    },
    get retryAfter() {
      return Math.max(1, windowEnds - clock.now())
    },
    take(address, ones) {
      if (limit.isOver(address)) throw new GatehouseError('too_many_requests', { retryAfter: limit.retryAfter })
      limit.count(address, ones)
    },
  }
  return limit
}
