import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import { buildToken } from './fixtures/tokens.ts'
import type { Runs } from './forward/running.ts'
import type { Pipeline } from './journey.ts'
import type { RouteTable } from './routes.ts'
import { type FindEnd, StreamReview } from './stream-review.ts'

const table = {} as RouteTable
const pipeline = { table } as Pipeline // nothing else of it is looked at where no route has changed
const expiry = 1_800_000_000

/** So many streams, and how many of them are open; one tick a second, with the time for an answer to come. */
function openMany(count: number, findEnd: FindEnd) {
  const token = buildToken({ exp: seconds(expiry) })
  const visit = { token, route: { streamsUntil: 'session', requirement: { acr: [] } } } as unknown as Runs['visit'] // as far as it is looked at
  const open = new Set<Runs>()
  for (let number = 0; number < count; number += 1) {
    const stream: Runs = {
      ...{ slot: -1, isStream: true, visit, judgedBy: table, reviewAt: 0 },
      stop() {},
      onRevoked() {},
      onTick() {},
      endStream: () => void open.delete(stream),
    }
    open.add(stream)
  }
  const review = new StreamReview(findEnd)
  let now = expiry * 1000
  return {
    open,
    async pass(time: number) {
      for (let tick = 0; tick < time; tick += 1) {
        now += 1000
        review.begin()
        for (const stream of open) review.look(pipeline, stream, now)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

it('however many streams nobody answers for, they end after a minute, and few are asked about', async () => {
  let asked = 0
  const { open, pass } = openMany(5000, async () => {
    asked += 1
    throw new Error('the store is away')
  })
  await pass(59)
  expect(open.size).toBe(5000)
  await pass(10)
  expect(open.size).toBe(0)
  expect(asked).toBeLessThan(5000)
})

it('they go on where there is an answer again in time, each by its own', async () => {
  let isAway = true
  const { open, pass } = openMany(1000, async () => {
    if (isAway) throw new Error('the store is away')
    return seconds(expiry + 3600)
  })
  await pass(30)
  isAway = false
  await pass(300)
  expect(open.size).toBe(1000)
  await pass(3600)
  expect(open.size).toBe(0)
})
