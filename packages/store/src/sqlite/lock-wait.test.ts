import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WriteWatch } from '../write-watch.ts'
import { LockWait, lockPatience } from './lock-wait.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Takes in so many whose patience is all but over, and counts what becomes of them. */
function addImpatient(wait: LockWait, count: number, isLocked: () => boolean) {
  const counts = { tries: 0, givenUp: 0 }
  const since = performance.now() - lockPatience + 1
  for (let index = 0; index < count; index += 1) {
    const giveUp = () => {
      counts.givenUp += 1
    }
    const again = () => {
      counts.tries += 1
      if (isLocked()) wait.add(waiter)
    }
    const waiter = { since, patience: lockPatience, again, giveUp }
    wait.add(waiter)
  }
  return counts
}

it('everybody who waits behind many others is tried before they are refused', async () => {
  const writes = new WriteWatch()
  const counts = addImpatient(new LockWait(writes), 1200, () => false)
  writes.succeeded()
  await vi.advanceTimersByTimeAsync(1000)
  expect(counts).toEqual({ tries: 1200, givenUp: 0 })
  expect(writes.trouble).toBeUndefined()
})

it('whoever meets the lock again when their patience is over is refused, after one try', async () => {
  const writes = new WriteWatch()
  const counts = addImpatient(new LockWait(writes), 1200, () => true)
  await vi.advanceTimersByTimeAsync(1000)
  expect(counts).toEqual({ tries: 1200, givenUp: 1200 })
  expect(writes.trouble).toBe('locked')
})
