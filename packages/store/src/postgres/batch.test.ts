import { describe, expect, it } from 'vitest'
import { createBatch } from './batch.ts'

const nextTick = () => new Promise((resolve) => setImmediate(resolve))

/** A batch whose runs are finished by hand. */
function createHeldBatch(limits: { maxInFlight: number; maxItems: number; maxWaiting?: number }) {
  const runs: { items: readonly number[]; finish: (fail?: Error) => void }[] = []
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve, reject) => {
      runs.push({ items, finish: (fail) => (fail ? reject(fail) : resolve(items.map((item) => item * 10))) })
    })
  return { runs, add: createBatch({ ...limits, run }) }
}

describe('a batch', () => {
  it('takes the items of one tick together and gives each its own outcome', async () => {
    const { runs, add } = createHeldBatch({ maxInFlight: 2, maxItems: 10 })
    const outcomes = Promise.all([1, 2, 3].map(add))
    await nextTick()
    expect(runs.map((run) => run.items)).toEqual([[1, 2, 3]])
    runs[0]?.finish()
    expect(await outcomes).toEqual([10, 20, 30])
  })

  it('has no more under way than allowed, and collects meanwhile', async () => {
    const { runs, add } = createHeldBatch({ maxInFlight: 2, maxItems: 10 })
    const all: Promise<number>[] = []
    for (const item of [1, 2, 3, 4]) {
      all.push(add(item))
      await nextTick()
    }
    expect(runs.map((run) => run.items)).toEqual([[1], [2]])
    runs[1]?.finish()
    await nextTick()
    await nextTick()
    expect(runs.map((run) => run.items)).toEqual([[1], [2], [3, 4]])
    for (const run of runs) run.finish()
    expect(await Promise.all(all)).toEqual([10, 20, 30, 40])
  })

  it('is no larger than allowed', async () => {
    const { runs, add } = createHeldBatch({ maxInFlight: 2, maxItems: 2 })
    const outcomes = Promise.all([1, 2, 3].map(add))
    await nextTick()
    expect(runs.map((run) => run.items)).toEqual([[1, 2], [3]])
    for (const run of runs) run.finish()
    await outcomes
  })

  it('rejects its own items when it fails, and goes on', async () => {
    const { runs, add } = createHeldBatch({ maxInFlight: 1, maxItems: 2 })
    const outcomes = Promise.allSettled([1, 2, 3].map(add))
    await nextTick()
    runs[0]?.finish(new Error('away'))
    await nextTick()
    await nextTick()
    runs[1]?.finish()
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  })

  it('refuses what is past its bound, until something has been answered', async () => {
    const { runs, add } = createHeldBatch({ maxInFlight: 1, maxItems: 10, maxWaiting: 2 })
    const first = Promise.all([add(1), add(2)])
    await expect(add(3)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    await nextTick()
    await expect(add(3)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    runs[0]?.finish()
    await first
    const next = add(4)
    await nextTick()
    runs[1]?.finish()
    expect(await next).toBe(40)
  })

  it('rejects all when the number of outcomes is not that of the items', async () => {
    const add = createBatch<number, number>({ maxInFlight: 1, maxItems: 10, run: async () => [1] })
    const outcomes = await Promise.allSettled([add(1), add(2)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  })
})
