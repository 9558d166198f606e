import { buildUnavailable } from '@gatehouse/core/errors'

/** What a queue of hashes is bounded by. */
export interface HashLimits {
  /** Hashes that run at a time. */
  readonly atATime: number
  /** Hashes that may wait. */
  readonly mayWait: number
  /** How hashes make room for other work; left out: not at all. */
  readonly yielding?: {
    /** Whether the process has other work to do just now. Asked before and after what a place takes. */
    readonly isBusy: () => boolean
    /** Processors that hashes may take meanwhile, on the average and above 0: 0.5 is half of one. */
    readonly processors: number
  }
}

/** Most hashes that one place takes together. */
const handful = 4
/** A handful is this part of the hashes that wait for a place, so that none of them waits much longer for being in one. */
const partOfWaiting = 4

interface Waiting<Job, Answer> {
  readonly job: Job
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs at most so many password hashes at a time and lets a bounded number wait. Past that: `temporarily_unavailable`
 * with Retry-After, at once. While the process has other work, fewer run at a time, and where even one is too many its place
 * rests afterwards, in proportion to how long the hash took: so that a flood of sign-ins takes neither memory nor the
 * processors from token traffic. With nothing else to do they have all processors, and where many wait a place takes a few of
 * them one after the other and gives their answers together: each hash empties the caches of a processor, and what follows
 * from four answers costs little more than what follows from one.
 */
export class HashQueue<Job, Answer> {
  readonly #limits: HashLimits
  readonly #hash: (jobs: readonly Job[]) => Promise<readonly Answer[]>
  #waiting: Waiting<Job, Answer>[] = []
  #running = 0
  /** Places that are taken: by hashes, and by the rest after them. */
  #taken = 0

  /** @param hash computes some in one place, and answers for each in the same order */
  constructor(limits: HashLimits, hash: (jobs: readonly Job[]) => Promise<readonly Answer[]>) {
    this.#limits = limits
    this.#hash = hash
  }

  /** How many hashes run or wait: a figure for /metrics. */
  get depth(): number {
    return this.#running + this.#waiting.length
  }

  run(job: Job): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const mustWait = this.#waiting.length > 0 || !this.#hasPlace()
      if (mustWait && this.#waiting.length >= this.#limits.mayWait) {
        return reject(buildUnavailable())
      }
      this.#waiting.push({ job, resolve, reject })
      this.#startWaiting()
    })
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasPlace()) {
      const taken = this.#waiting.slice(0, this.#howMany())
      this.#waiting = this.#waiting.slice(taken.length)
      void this.#work(taken)
    }
  }

  /** How many of those that wait the next place takes. */
  #howMany(): number {
    const { atATime, yielding } = this.#limits
    if (yielding?.isBusy()) return 1
    const share = Math.floor(this.#waiting.length / (atATime * partOfWaiting))
    return Math.min(handful, Math.max(1, share))
  }

  async #work(taken: readonly Waiting<Job, Answer>[]): Promise<void> {
    this.#taken += 1
    this.#running += taken.length
    const startedAt = performance.now()
    try {
      const answers = await this.#hash(taken.map(({ job }) => job))
      for (const [index, { resolve }] of taken.entries()) resolve(answers[index] as Answer) // one for each, see above
    } catch (error) {
      for (const { reject } of taken) reject(error)
    } finally {
      this.#running -= taken.length
      this.#leave(performance.now() - startedAt)
    }
  }

  /** Gives a place back, after its rest where one is due. @param took milliseconds */
  #leave(took: number): void {
    const { yielding } = this.#limits
    const rest = yielding?.isBusy() ? took * (1 / yielding.processors - 1) : 0
    if (rest < 1) return this.#giveBack()
    setTimeout(() => this.#giveBack(), rest)
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
}
