/** Milliseconds for which requests and retries are counted together. */
const window = 10_000
/** So many retries may always be, so that a quiet service has some. */
const atLeast = 10
/** One retry for so many requests. */
const requestsForOne = 5

/**
 * How many requests may be sent again: one for five, of those of the last ten seconds. Stops: retries that double the load of
 * a service which fails because of its load. Cost: two additions a request.
 */
export class RetryBudget {
  #since = 0
  #requests = 0
  #retries = 0

  /** Counts a request; `now` in milliseconds. */
  count(now: number): void {
    this.#open(now)
    this.#requests += 1
  }

  /** Takes a retry; `false` where there is none left. */
  take(now: number): boolean {
    this.#open(now)
    if (this.#retries >= Math.max(atLeast, this.#requests / requestsForOne)) return false
    this.#retries += 1
    return true
  }

  #open(now: number): void {
    if (now >= this.#since && now - this.#since < window) return
    this.#since = now
    this.#requests = 0
    this.#retries = 0
  }
}
