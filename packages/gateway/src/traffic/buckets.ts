/** How full a bucket is, said by when it will be full: milliseconds since 1970. */
interface Bucket {
  fullAt: number
}

/** Keys in one generation; there are two. */
const generationSize = 32_768

/** Rounding of moments must not refuse the last request of a burst. */
const slack = 0.01

/**
 * Token buckets by key, all of one rate. Bounded: those keys are kept that were used last, and one that is forgotten is full
 * again. Cost: a look-up or two for each request; nothing runs in the background.
 */
export class Buckets {
  /** Milliseconds until one token comes back. */
  readonly #interval: number
  /** Milliseconds until an empty bucket is full. */
  readonly #depth: number
  readonly #size: number
  #young = new Map<string, Bucket>()
  #old = new Map<string, Bucket>()

  /** `interval` in milliseconds a token, `burst` in tokens; `size`: keys of one generation. */
  constructor(interval: number, burst: number, size = generationSize) {
    this.#interval = interval
    this.#depth = interval * burst
    this.#size = size
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#young.size + this.#old.size
  }

  /**
   * Takes a token: how many are left, or, where there was none, a negative number: the milliseconds until there is one. `now`
   * in milliseconds.
   */
  take(key: string, now: number): number {
    const bucket = this.#find(key, now)
    const latest = now + this.#depth
    // Later than that only where the clock was put back: nobody waits longer for it than for an empty bucket.
    const from = Math.min(Math.max(bucket.fullAt, now), latest)
    const next = from + this.#interval
    if (next > latest + slack) {
      bucket.fullAt = from
      return latest - next
    }
    bucket.fullAt = next
    return Math.floor((latest - next + slack) / this.#interval)
  }

  /** Puts a token back that was taken for nothing. */
  giveBack(key: string): void {
    const bucket = this.#young.get(key)
    if (bucket !== undefined) bucket.fullAt -= this.#interval
  }

  #find(key: string, now: number): Bucket {
    const found = this.#young.get(key)
    if (found !== undefined) return found
    const bucket = this.#old.get(key) ?? { fullAt: now }
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, bucket)
    return bucket
  }
}
