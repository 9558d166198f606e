/** Leaves alone for a while what does not answer. Kept in memory: each process finds out for itself. */
export interface Breaker {
  /** Whether it is worth asking. */
  readonly isClosed: boolean
  /** Whether `enter` would let the caller ask at this moment. */
  readonly letsIn: boolean
  /** Whether somebody got no answer since it last gave one; forgotten after five minutes. */
  readonly isFailing: boolean
  /**
   * Whether the caller may ask now, who then calls one of the four below. While it fails only a few may ask at a time; once it
   * has been left alone for long enough, one may.
   */
  enter(): boolean
  /** It answered, whatever it said: a stranger may have brought about what nobody can use. */
  answered(): void
  /** It did not answer. */
  failed(): void
  /** There was no room to ask it for how many others do, and may be none for the next; it is not left alone for that. */
  crowded(): void
  /** It was not asked after all, or what came of it does not tell whether it answers. */
  left(): void
}

/** Failures in a row after which nobody asks, and milliseconds until one does again. */
const most = 3
const pause = 30_000
/** How many may ask at a time what has not answered once. Threat: what hangs, and holds all who ask it. */
const mostAtOnce = 5
/** Milliseconds after which the last failure says nothing any more. */
const remembered = 300_000

export function createBreaker(now: () => number = () => performance.now()): Breaker {
  let failures = 0
  let since = 0
  let failedAt = Number.NEGATIVE_INFINITY
  let asking = 0
  let isTrying = false
  const isOpen = () => failures >= most
  const letsIn = (): boolean => (isOpen() ? !isTrying && now() - since >= pause : failures === 0 || asking < mostAtOnce)
  const leave = (): void => {
    asking -= 1
    isTrying = false
  }
  return {
    get isClosed() {
      return !isOpen() || now() - since >= pause
    },
    get isFailing() {
      return now() - failedAt < remembered
    },
    get letsIn() {
      return letsIn()
    },
    enter() {
      if (!letsIn()) return false
      if (isOpen()) isTrying = true
      asking += 1
      return true
    },
    answered() {
      failures = 0
      failedAt = Number.NEGATIVE_INFINITY
      leave()
    },
    failed() {
      failures += 1
      since = now()
      failedAt = since
      leave()
    },
    crowded() {
      failedAt = now()
      leave()
    },
    left: leave,
  }
}
