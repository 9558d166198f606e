import { GatehouseError } from '@gatehouse/core/errors'

/** What a queue of hashes is bounded by. */
export interface HashLimits {
  /** Hashes that run at a time. */
  readonly atATime: number
  /** Hashes that may wait. */
  readonly mayWait: number
  /** How hashes make room for other work; left out: not at all. */
  readonly yielding?: {
    /** Whether the process has other work to do just now. Asked before and after each hash. */
    readonly isBusy: () => boolean
    /** Processors that hashes may take meanwhile, on the average and above 0: 0.5 is half of one. */
    readonly processors: number
  }
}

/**
 * Runs at most so many password hashes at a time and lets a bounded number wait. Past that: `temporarily_unavailable`
 * with Retry-After, at once. While the process has other work, fewer run at a time, and where even one is too many its place
 * rests afterwards, in proportion to how long the hash took: so that a flood of sign-ins takes neither memory nor the
 * processors from token traffic. With nothing else to do they have all processors.
 */
export class HashQueue {
  readonly #limits: HashLimits
  readonly #waiting: (() => void)[] = []
  /** Places that are taken: by hashes, and by the rest after one. */
  #taken = 0
  #resting = 0

  constructor(limits: HashLimits) {
    this.#limits = limits
  }

  /** How many hashes run or wait: a figure for /metrics. */
  get depth(): number {
    return this.#taken - this.#resting + this.#waiting.length
  }

  async run<T>(hash: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && this.#hasPlace()) {
      this.#taken += 1
    } else {
      if (this.#waiting.length >= this.#limits.mayWait) {
        throw new GatehouseError('temporarily_unavailable', { retryAfter: 2 })
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    const startedAt = performance.now()
    try {
      return await hash()
    } finally {
      this.#leave(performance.now() - startedAt)
    }
  }

  /** Gives a place back, after its rest where one is due. @param took milliseconds */
  #leave(took: number): void {
    const { yielding } = this.#limits
    const rest = yielding?.isBusy() ? took * (1 / yielding.processors - 1) : 0
    if (rest < 1) return this.#giveBack()
    this.#resting += 1
    setTimeout(() => {
      this.#resting -= 1
      this.#giveBack()
    }, rest)
  }

  #giveBack(): void {
    this.#taken -= 1
    this.#startWaiting()
  }

  #hasPlace(): boolean {
    const { atATime, yielding } = this.#limits
    if (this.#taken === 0) return true
    if (this.#taken >= atATime) return false
    return !yielding?.isBusy() || this.#taken < Math.floor(yielding.processors)
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasPlace()) {
      // The place is taken here, not when the one that waited goes on, so that nobody comes in between.
      this.#taken += 1
      this.#waiting.shift()?.()
    }
  }
}
