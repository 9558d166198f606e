import { isAhead } from '../is-ahead.ts'

const failuresInRow = 5
const firstRest = 1000
const longestRest = 16_000

/**
 * Leaves alone for a while who fails several times in a row: for a second, then twice as long each time up to 16 s, after
 * which one may try. Times are milliseconds.
 */
export class CircuitBreaker {
  #failures = 0
  #closedUntil = 0
  #rest = firstRest
  #isTrying = false

  /** Whether one more may try now; who may must say afterwards how it went. */
  mayTry(now: number): boolean {
    if (this.#failures < failuresInRow) return true
    if (isAhead(this.#closedUntil, now, longestRest) || this.#isTrying) return false
    this.#isTrying = true
    return true
  }

  succeed(): void {
    this.#failures = 0
    this.#rest = firstRest
    this.#isTrying = false
  }

  fail(now: number): void {
    const wasTrying = this.#isTrying
    this.#isTrying = false
    this.#failures += 1
    if (this.#failures < failuresInRow || (!wasTrying && isAhead(this.#closedUntil, now, longestRest))) return
    this.#closedUntil = now + this.#rest
    this.#rest = Math.min(2 * this.#rest, longestRest)
  }
}
