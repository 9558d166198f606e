import { type Clock, seconds } from '@gatehouse/core/time'

/** The system's clock: the only one outside of tests. */
export const systemClock: Clock = {
  now: () => seconds(Math.floor(Date.now() / 1000)),
  milliseconds: () => Date.now(),
  monotonic: () => performance.now(),
}
