import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { AttemptGate, type Room } from './attempt-gate.ts'

/** How many wrong tries there may be, and within how many seconds of the first. */
export interface TryLimits {
  readonly wrong: number
  readonly within: number
}

/** Limits how often a short code can be guessed. */
export interface TryLimit {
  /**
   * Tries something for the holders of some keys; `undefined` counts as a wrong try against each. No more tries run at a
   * time than may still fail, so that parallel guesses cannot all slip under the limit. Cost: one read, and one write for a
   * wrong try. Errors: `too_many_requests`, `temporarily_unavailable` where too many wait for each other, or for longer than 5 s.
   */
  limited<T>(keys: readonly string[], attempt: () => Promise<T | undefined>): Promise<T | undefined>
}

/** Tries that may wait for others of the same key. */
const mayWait = 100

export function createTryLimit(
  { store, clock }: { readonly store: Pick<Store, 'signInFailures'>; readonly clock: Clock },
  limits: TryLimits,
): TryLimit {
  const gate = new AttemptGate(mayWait)

  /** Enters, or answers with where to wait for others. */
  const tryToEnter = async (keys: readonly string[]): Promise<Room | undefined> => {
    const now = clock.now()
    const rows = await store.signInFailures.find(keys)
    // What lasts for longer than it may began before the clock was set back.
    const counted = rows.filter((row) => row.expires_at <= now + limits.within + clockTolerance)
    if (counted.length < rows.length) {
      await store.signInFailures.clear(rows.filter((row) => !counted.includes(row)).map(({ key }) => key))
    }
    const over = counted.find((row) => row.count >= limits.wrong)
    if (over) throw new GatehouseError('too_many_requests', { retryAfter: over.expires_at - now })
    const countOf = (key: string): number => counted.find((row) => row.key === key)?.count ?? 0
    return gate.enter(keys.map((key) => ({ key, room: limits.wrong - countOf(key) })))
  }

  const enter = async (keys: readonly string[]): Promise<void> => {
    const since = performance.now()
    let full = await tryToEnter(keys)
    while (full !== undefined) {
      const waitedFor: Room = full
      await gate.waitFor(waitedFor, since)
      full = undefined
      try {
        full = await tryToEnter(keys)
      } finally {
        // Full under another key: whoever waits under this one may find room.
        if (full?.key !== waitedFor.key) gate.wake(waitedFor.key)
      }
    }
  }

  return {
    async limited(keys, attempt) {
      await enter(keys)
      try {
        const found = await attempt()
        if (found === undefined) {
          const at = clock.now()
          await store.signInFailures.record(keys.map((key) => ({ key, at, expires_at: seconds(at + limits.within) })))
        }
        return found
      } finally {
        gate.leave(keys)
      }
    },
  }
}
