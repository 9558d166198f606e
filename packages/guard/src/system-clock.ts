import { type Clock, seconds } from '@gatehouse/core/time'

/** The machine's own clock: what a service uses unless it hands in another. */
export const systemClock: Clock = {
  now: () => seconds(Math.floor(Date.now() / 1000)),
  milliseconds: () => Date.now(),
  monotonic: () => performance.now(),
}
