import { type BucketNotes, Buckets } from './buckets.ts'

/** What requests are counted by. */
export type RateSubject = 'address' | 'client' | 'principal' | 'route'

/** A rate limit, as the configuration names it. */
export interface RateDefinition {
  readonly per: RateSubject
  /** So many requests in so many seconds. */
  readonly requests: number
  readonly window: number
  /** How many at once, after a pause; absent = `requests`. */
  readonly burst?: number | undefined
}

/** A rate limit, ready. */
export class RateLimit {
  readonly per: RateSubject
  /** What would satisfy it: a sentence for the log. */
  readonly needed: string
  /** Its member of RateLimit-Policy. */
  readonly policy: string
  /** By which it is known again in another route table and in other processes. */
  readonly identity: string
  readonly burst: number
  readonly #quoted: string
  readonly #interval: number
  #buckets: Buckets

  /** `place` says where it stands, `name` how it is called in answers: unique among those of one route. */
  constructor(definition: RateDefinition, place: string, name: string) {
    const { per, requests, window, burst = requests } = definition
    this.per = per
    this.#interval = (window * 1000) / requests
    this.burst = burst
    this.#quoted = `"${name}"`
    this.policy = `${this.#quoted};q=${requests};w=${window}`
    this.identity = `${place} ${name} ${requests} ${window} ${burst}`
    this.needed = `at most ${requests} requests in ${window} s and ${burst} at once per ${per} (limits.rate of ${place})`
    this.#buckets = new Buckets(this.#interval, burst)
  }

  /** As {@link Buckets.take}. */
  take(key: string, now: number): number {
    return this.#buckets.take(key, now)
  }

  /** As {@link Buckets.giveBack}. */
  giveBack(key: string): void {
    this.#buckets.giveBack(key)
  }

  /** As {@link Buckets.share}. */
  share(notes: BucketNotes): void {
    this.#buckets.share(notes)
  }

  /** As {@link Buckets.takeElsewhere}. */
  takeElsewhere(key: string, tokens: number, now: number): void {
    this.#buckets.takeElsewhere(key, tokens, now)
  }

  /** Goes on with what another table's limit of the same identity has counted. */
  inherit(before: RateLimit): void {
    this.#buckets = before.#buckets
  }

  /** Its member of RateLimit: what remains, and in how many seconds the bucket is full. `wait`: milliseconds until a token. */
  describe(remaining: number, wait = 0): string {
    // More than its depth where it owes something.
    const lacking = (this.burst - remaining) * this.#interval + Math.max(0, wait - this.#interval)
    return `${this.#quoted};r=${remaining};t=${Math.ceil(lacking / 1000)}`
  }
}

/** The rate limits of one route, its service's among them, by when they are counted. */
export interface RouteRates {
  /** Before anybody is authenticated. */
  readonly byAddress: readonly RateLimit[]
  /** Once it is known who calls. */
  readonly byCaller: readonly RateLimit[]
  /** Once all else has let the request through. */
  readonly byRoute: readonly RateLimit[]
  /** The value of RateLimit-Policy. */
  readonly policy: string
}

/** How the fullest use of a limit stands: the header RateLimit. */
export interface RateState {
  remaining: number
  header: string
}
