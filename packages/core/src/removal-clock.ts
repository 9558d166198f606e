import type { Seconds } from './brand.ts'
import { type Clock, seconds } from './time.ts'

/** Milliseconds by which a clock is set between two looks at it without that being a jump. */
const slip = 5000
/**
 * Seconds for which a clock has to stay where it has jumped to until that is taken for the truth: the longest that an access
 * token may live. What was revoked before the jump has run out by then, whatever the time is.
 */
export const settleTime = 86_400

/**
 * Tells up to which moment what has expired may be removed for good: by the clock, but while that has jumped ahead of the time
 * that has really passed, by the time that has passed.
 * Whether something has expired is judged by the clock, and judged anew when the clock comes back; what was removed is gone. A
 * clock that was an hour ahead for ten seconds would let revoked tokens be good again, and proofs that have been used be
 * used again. What is kept stays bounded: everything goes once `settleTime` has passed twice, at the latest.
 * It knows the clock since it was made: a process that starts while its clock is wrong takes that for right.
 */
export class RemovalClock {
  readonly #clock: Clock
  /** How far the clock is ahead of the time that has passed, in milliseconds, as it is believed. */
  #ahead: number
  /**
   * The least by which it has been ahead since it went beyond that, and since when of the time that has passed. A machine that sleeps
   * every night jumps each morning: what it has stayed beyond for long enough is believed all the same.
   */
  #jump: { readonly ahead: number; readonly since: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#ahead = clock.milliseconds() - (clock.monotonic?.() ?? 0)
  }

  /** What expired at this second or before may be removed. */
  now(): Seconds {
    const wall = this.#clock.milliseconds()
    const passed = this.#clock.monotonic?.()
    if (passed === undefined) return this.#clock.now()
    this.#follow(wall - passed, passed)
    return seconds(Math.floor(Math.min(wall, passed + this.#ahead) / 1000))
  }

  #follow(ahead: number, passed: number): void {
    if (ahead <= this.#ahead + slip) {
      // One that is far behind may come back, and that is no jump.
      if (ahead >= this.#ahead - slip) this.#ahead = ahead
      this.#jump = undefined
      return
    }
    this.#jump = { ahead: Math.min(ahead, this.#jump?.ahead ?? ahead), since: this.#jump?.since ?? passed }
    if (passed - this.#jump.since < settleTime * 1000) return
    this.#ahead = this.#jump.ahead
    this.#jump = ahead <= this.#ahead + slip ? undefined : { ahead, since: passed }
  }
}
