/** How full a bucket is, and what of it was taken here. */
export interface Bucket {
  readonly key: string
  /** When it will be full: milliseconds since 1970. */
  fullAt: number
  /** Tokens that were taken here and that the other processes have not been told of. */
  untold: number
  /** Whether it waits for them to be told. */
  listed: boolean
}

/** Keeps note of what is taken here, where there are others to tell. */
export interface BucketNotes {
  taken(bucket: Bucket): void
}

/** Keys in one generation; there are two. */
const generationSize = 32_768

/** Rounding of moments must not refuse the last request of a burst. */
const slack = 0.01

/** Milliseconds of debt that every bucket can have, however shallow it is. */
const leastDebt = 5000

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
  #notes: BucketNotes | undefined
  /** Milliseconds until a bucket is empty that lacks as much as it can lack. */
  #debt = 0

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

  /** From now on others take from them too: {@link takeElsewhere}. What is taken here is noted for them. */
  share(notes: BucketNotes): void {
    this.#notes = notes
    this.#debt = Math.max(this.#depth, leastDebt)
  }

  /**
   * Takes a token: how many are left, or, where there was none, a negative number: the milliseconds until there is one. `now`
   * in milliseconds.
   */
  take(key: string, now: number): number {
    const bucket = this.#find(key, now)
    const latest = now + this.#depth
    // Later than that only where the clock was put back: nobody waits longer for it than for what can be lacking.
    const from = Math.min(Math.max(bucket.fullAt, now), latest + this.#debt)
    const next = from + this.#interval
    if (next > latest + slack) {
      bucket.fullAt = from
      return latest - next
    }
    bucket.fullAt = next
    this.#notes?.taken(bucket)
    return Math.floor((latest - next + slack) / this.#interval)
  }

  /** Puts a token back that was taken for nothing, in the same turn. */
  giveBack(key: string): void {
    const bucket = this.#young.get(key)
    if (bucket === undefined) return
    bucket.fullAt -= this.#interval
    if (bucket.untold > 0) bucket.untold -= 1
  }

  /**
   * Takes tokens that another process has let somebody have, also where there are none: the bucket owes them. It never owes
   * more than it holds (or what comes back in five seconds, where that is more), so that nobody is held up for longer.
   */
  takeElsewhere(key: string, tokens: number, now: number): void {
    const bucket = this.#find(key, now)
    const owed = Math.max(bucket.fullAt, now) + tokens * this.#interval
    bucket.fullAt = Math.min(owed, now + this.#depth + this.#debt)
  }

  #find(key: string, now: number): Bucket {
    const found = this.#young.get(key)
    if (found !== undefined) return found
    const bucket = this.#old.get(key) ?? { key, fullAt: now, untold: 0, listed: false }
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, bucket)
    return bucket
  }
}
