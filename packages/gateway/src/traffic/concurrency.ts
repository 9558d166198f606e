import type { Denial } from '../denial.ts'
import type { Route } from '../route.ts'
import type { Visit } from '../visit.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'

/**
 * Counts a request among those that its service and its route have at once, or says that there are too many. Code:
 * temporarily_unavailable. Whoever is let in must {@link leave}.
 */
export function enter(visit: Visit, { concurrency }: Route): Denial | undefined {
  if (concurrency === undefined) return undefined
  const full = concurrency.find((limit) => limit.isFull)
  if (full !== undefined) return deny(full)
  for (const limit of concurrency) limit.enter()
  visit.entered = concurrency
  return undefined
}

/** The request is over, whatever became of it. May be called again. */
export function leave(visit: Visit): void {
  const { entered } = visit
  if (entered === undefined) return
  visit.entered = undefined
  for (const limit of entered) limit.leave()
}

const deny = ({ most, place }: ConcurrencyLimit): Denial => ({
  code: 'temporarily_unavailable',
  rule: 'limits.concurrency',
  reason: `${most} requests are under way already`,
  needed: `fewer than ${most} requests at once (limits.concurrency of ${place})`,
  headers: ['retry-after', '1'],
})
