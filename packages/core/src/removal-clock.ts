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
 * used again. What is kept stays bounded: everything goes `settleTime` later at the latest.
 * It knows the clock since it was made: a process that starts while its clock is wrong takes that for right.
 */
export class RemovalClock {
  readonly #clock: Clock
  /** How far the clock is ahead of the time that has passed, in milliseconds, as it is believed. */
  #ahead: number
  /** As it is now, and since when of the time that has passed, while that is another. */
  #jump: { ahead: number; readonly since: number } | undefined

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
    const isNear = (other: number): boolean => Math.abs(ahead - other) <= slip
    if (isNear(this.#ahead)) {
      this.#ahead = ahead
      this.#jump = undefined
    } else if (!this.#jump || !isNear(this.#jump.ahead)) {
      this.#jump = { ahead, since: passed }
    } else if (passed - this.#jump.since >= settleTime * 1000) {
      this.#ahead = ahead
      this.#jump = undefined
    } else {
      this.#jump.ahead = ahead
    }
  }
}
