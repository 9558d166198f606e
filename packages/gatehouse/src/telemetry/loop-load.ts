import { performance } from 'node:perf_hooks'

/** Milliseconds over which the load is taken. */
const window = 100

/**
 * Answers how busy the event loop is: the share of the last tenth of a second in which it ran, from 0 to 1.
 * Cost: a look at the clock, and every tenth of a second one reading.
 */
export function createLoopLoad(): () => number {
  let reading = performance.eventLoopUtilization()
  let takenAt = performance.now()
  let load = 0
  return () => {
    const now = performance.now()
    if (now - takenAt >= window) {
      const next = performance.eventLoopUtilization()
      load = performance.eventLoopUtilization(next, reading).utilization
      reading = next
      takenAt = now
    }
    return load
  }
}
