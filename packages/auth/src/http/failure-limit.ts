import type { Clock } from '@gatehouse/core/time'
import { limitKey } from './client-address.ts'

/** Counts tokens with a bad signature per address: each costs a signature check that nothing remembers. */
export interface FailureLimit {
  /** Whether an address is past the limit. Cost: nothing while no address has failed. */
  isOver(address: string): boolean
  count(address: string): void
  /** Seconds until the counts start anew. */
  readonly retryAfter: number
}

/** Failed signatures that one address may cause in a minute: about one percent of a core. */
export const defaultFailureLimit = 6000
const windowSeconds = 60
const addressLimit = 10_000

/** At most so many failures an address in a minute. In memory: what it protects is this process's processor. */
export function createFailureLimit(clock: Clock, perMinute = defaultFailureLimit): FailureLimit {
  let counts = new Map<string, number>()
  let windowEnds = 0
  const open = (): void => {
    if (clock.now() < windowEnds && windowEnds - clock.now() <= windowSeconds) return
    counts = new Map()
    windowEnds = clock.now() + windowSeconds
  }
  return {
    isOver(address) {
      if (counts.size === 0) return false
      open()
      return (counts.get(limitKey(address)) ?? 0) >= perMinute
    },
    count(address) {
      open()
      const key = limitKey(address)
      if (counts.size >= addressLimit && !counts.has(key)) counts.clear()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    get retryAfter() {
      return Math.max(1, windowEnds - clock.now())
    },
  }
}
