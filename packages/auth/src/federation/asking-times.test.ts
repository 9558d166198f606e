import { expect, it } from 'vitest'
import { createAskingTimes } from './asking-times.ts'

/** The least and the most milliseconds of so many waits. */
async function timesOf(wait: () => Promise<void>, count: number): Promise<readonly [number, number]> {
  const times = await Promise.all(
    Array.from({ length: count }, async () => {
      const startedAt = performance.now()
      await wait()
      return performance.now() - startedAt
    }),
  )
  return [Math.min(...times), Math.max(...times)]
}

it('waits as long as one of the last refusals of each provider', async () => {
  const times = createAskingTimes()
  times.note('corp', 300)
  times.note('other', 200)
  const [least] = await timesOf(() => times.waitLike(['corp', 'other']), 5)
  expect(least).toBeGreaterThan(490)
  const [, most] = await timesOf(() => times.waitLike(['other']), 5)
  expect(most).toBeLessThan(450)
  const [, none] = await timesOf(() => times.waitLike(['third']), 5)
  expect(none).toBeLessThan(150)
})

it('forgets what is long over, and waits no longer than two seconds', async () => {
  const times = createAskingTimes()
  times.note('corp', 60_000)
  const [least, most] = await timesOf(() => times.waitLike(['corp']), 3)
  expect(least).toBeGreaterThan(1990)
  expect(most).toBeLessThan(10_000)
  for (let count = 0; count < 16; count += 1) times.note('corp', 1)
  const [, later] = await timesOf(() => times.waitLike(['corp']), 50)
  expect(later).toBeLessThan(1500)
})
