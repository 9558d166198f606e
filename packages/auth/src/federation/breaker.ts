/** Leaves alone for a while what does not answer. Kept in memory: each process finds out for itself. */
export interface Breaker {
  /** Whether it is worth asking. */
  readonly isClosed: boolean
  /** Whether the caller may ask now: once it has been left alone for long enough, one at a time may. */
  enter(): boolean
  succeeded(): void
  failed(): void
  /** It was not asked after all, or what came of it does not tell whether it answers. */
  left(): void
}

/** Failures in a row after which nobody asks, and milliseconds until one does again. */
const most = 3
const pause = 30_000

export function createBreaker(now: () => number = () => performance.now()): Breaker {
  let failures = 0
  let since = 0
  let isTrying = false
  const isOpen = () => failures >= most
  return {
    get isClosed() {
      return !isOpen() || now() - since >= pause
    },
    enter() {
      if (!isOpen()) return true
      if (isTrying || now() - since < pause) return false
      isTrying = true
      return true
    },
    succeeded() {
      failures = 0
      isTrying = false
    },
    failed() {
      failures += 1
      since = now()
      isTrying = false
    },
    left() {
      isTrying = false
    },
  }
}
