import { GatehouseError } from '@gatehouse/core/errors'

/** What a queue of hashes is bounded by. */
export interface HashLimits {
  /** Hashes that run at a time. */
  readonly atATime: number
  /** Hashes that may wait. */
  readonly mayWait: number
  /** Whether the process has other work to do just now: then one hash runs at a time. Asked before each hash. */
  readonly isBusy?: () => boolean
}

/**
 * Runs at most so many password hashes at a time and lets a bounded number wait. Past that: `temporarily_unavailable`
 * with Retry-After, at once. While the process has other work, hashes run one by one, so that a flood of sign-ins takes
 * neither memory nor the processors from token traffic; with nothing else to do they have all processors.
 */
export class HashQueue {
  readonly #limits: HashLimits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: HashLimits) {
    this.#limits = limits
  }

  /** How many hashes run or wait: a figure for /metrics. */
  get depth(): number {
    return this.#running + this.#waiting.length
  }

  async run<T>(hash: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#hasPlace()) {
      this.#running += 1
    } else {
      if (this.#waiting.length >= this.#limits.mayWait) {
        throw new GatehouseError('temporarily_unavailable', { retryAfter: 2 })
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      return await hash()
    } finally {
      this.#running -= 1
      this.#startWaiting()
    }
  }

  #hasPlace(): boolean {
    return this.#running === 0 || (this.#running < this.#limits.atATime && !this.#limits.isBusy?.())
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasPlace()) {
      // The place is taken here, not when the one that waited goes on, so that nobody comes in between.
      this.#running += 1
      this.#waiting.shift()?.()
    }
  }
}
