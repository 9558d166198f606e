import type { Clock } from '@gatehouse/core/time'
import { isAhead } from '../is-ahead.ts'

/** Answers of 502 or 504, or none at all, after which others are preferred. */
const failuresInARow = 5
const firstPause = 1000
const lastPause = 16_000

/**
 * How well an upstream answers that can be reached: whether others are preferred to it. Never a reason to ask nobody.
 * Moments are milliseconds.
 */
export class Standing {
  #failures = 0
  #avoidUntil = 0
  #pause = 0
  #checksFailed = 0

  /** Whether another one is to be asked, where there is one. Cost: two comparisons. */
  isPoor(now: number): boolean {
    if (this.#checksFailed >= 2) return true
    return this.#avoidUntil !== 0 && isAhead(this.#avoidUntil, now, lastPause)
  }

  /** It has answered of its own. */
  answered(status: number, clock: Clock): void {
    if (status === 502 || status === 504) return this.failed(clock.milliseconds())
    if (this.#failures === 0) return
    this.#failures = 0
    this.#avoidUntil = 0
    this.#pause = 0
  }

  /** It has broken off, or has not answered in time. */
  failed(now: number): void {
    this.#failures += 1
    if (this.#failures < failuresInARow || this.isPoor(now)) return
    this.#pause = this.#pause === 0 ? firstPause : Math.min(this.#pause * 2, lastPause)
    this.#avoidUntil = now + this.#pause
  }

  /** What its health check has found: two in a row that failed count, and one that did not takes it back. */
  checked(isWell: boolean): void {
    this.#checksFailed = isWell ? 0 : this.#checksFailed + 1
  }
}
