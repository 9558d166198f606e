import { GatehouseError } from '@gatehouse/core/errors'

/**
 * Runs at most so many password hashes at a time and lets a bounded number wait. Past that: `temporarily_unavailable`
 * with Retry-After, at once, so that a flood of sign-ins takes neither memory nor the processor from token traffic.
 */
export class HashQueue {
  readonly #atATime: number
  readonly #mayWait: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: { readonly atATime: number; readonly mayWait: number }) {
    this.#atATime = limits.atATime
    this.#mayWait = limits.mayWait
  }

  /** How many hashes run or wait: a figure for /metrics. */
  get depth(): number {
    return this.#running + this.#waiting.length
  }

  /** Whether a hash that is asked for now would be turned away. */
  get full(): boolean {
    return this.#running >= this.#atATime && this.#waiting.length >= this.#mayWait
  }

  async run<T>(hash: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atATime) {
      if (this.full) throw new GatehouseError('temporarily_unavailable', { retryAfter: 2 })
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else {
      this.#running += 1
    }
    try {
      return await hash()
    } finally {
      const next = this.#waiting.shift()
      // The place is handed on, not freed, so that nobody who comes in between can take it.
      if (next) next()
      else this.#running -= 1
    }
  }
}
