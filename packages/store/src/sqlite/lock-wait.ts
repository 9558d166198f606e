import type { WriteWatch } from '../write-watch.ts'
import { tryTime } from './worker-thread.ts'

/** How long a statement waits for a lock, in milliseconds since it came. Who has more patience is not put off by others. */
export const lockPatience = 2000
/** Milliseconds until a try that met a lock is made again: the worker then tries in earnest once more. */
const pause = tryTime + 5
/** Most tries that are made again in one round: should the lock still be there, each of them goes the whole way for nothing. */
const triesAtATime = 500

/** Who waits for a lock of another process to go. */
export interface LockWaiter {
  /** When it came, by `performance.now()`. */
  readonly since: number
  /** For how many milliseconds since then it waits. */
  readonly patience: number
  readonly again: () => void
  readonly giveUp: () => void
}

/** Keeps those who have met a lock of another process, tries again for them, and tells them when it took too long. */
export class LockWait {
  readonly #writes: WriteWatch
  #waiting: LockWaiter[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(writes: WriteWatch) {
    this.#writes = writes
  }

  /** Takes in one that has just met a lock. */
  add(waiter: LockWaiter): void {
    if (this.#isHopeless(waiter)) return this.#giveUp(waiter)
    this.#waiting.push(waiter)
    this.#timer ??= setTimeout(() => this.#look(), pause)
  }

  #look(): void {
    this.#timer = undefined
    const waiting = this.#waiting
    // Who is left for the next round has not been refused: the lock may be gone already. Only who meets it again gives up.
    this.#waiting = waiting.slice(triesAtATime)
    for (const waiter of waiting.slice(0, triesAtATime)) waiter.again()
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#look(), pause)
  }

  /** Where somebody has waited in vain, others wait only until a try has been made since they came. */
  #isHopeless({ since, patience }: LockWaiter): boolean {
    const waited = performance.now() - since
    return waited >= patience || (waited >= pause && patience <= lockPatience && this.#writes.trouble === 'locked')
  }

  #giveUp({ giveUp }: LockWaiter): void {
    this.#writes.failed('locked')
    giveUp()
  }
}
