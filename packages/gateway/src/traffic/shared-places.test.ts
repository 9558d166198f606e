import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LimitProcesses, tableWith } from '../fixtures/limit-processes.ts'
import { createSharedUsage } from './shared-usage.ts'

let processes: LimitProcesses

beforeEach(() => {
  vi.useFakeTimers()
  processes = new LimitProcesses()
})
afterEach(async () => {
  await processes.close()
  vi.useRealTimers()
})

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

describe('limits on what several processes have under way', () => {
  it('count what is under way at the others, until that is over', async () => {
    const [near, far] = [processes.start(), processes.start({ concurrency: 5 })]
    near.enter(5)
    await pass(50)
    expect([near.place.isFull, far.place.isFull]).toEqual([false, true])
    near.leave(1)
    await pass(250)
    expect(far.place.isFull).toBe(false)
    far.enter(1)
    expect(far.place.isFull).toBe(true)
    far.leave(1)
    near.leave(4)
    await pass(250)
    far.enter(4)
    expect(far.place.isFull).toBe(false)
  })

  it('are told again each second, for those who come later', async () => {
    const near = processes.start()
    near.enter(5)
    await pass(5000)
    const far = processes.start({ concurrency: 5 })
    expect(far.place.isFull).toBe(false)
    await pass(1000)
    expect(far.place.isFull).toBe(true)
    expect(near.told.length).toBeLessThanOrEqual(7)
  })

  it('are free again within three seconds where a process has died, and at once where it was stopped', async () => {
    const [dies, stops, stays] = [processes.start(), processes.start(), processes.start({ concurrency: 10 })]
    dies.enter(5)
    stops.enter(5)
    await pass(250)
    expect(stays.place.isFull).toBe(true)
    stops.leave(5)
    await stops.usage.close()
    expect(stays.place.isFull).toBe(false)
    stays.enter(5)
    await pass(2000)
    expect(stays.place.isFull).toBe(true)
    processes.keepOnly(stays)
    await pass(3500)
    expect(stays.place.isFull).toBe(false)
  })

  it('are of the same place whatever its limit is, and of no other', async () => {
    const [near, far] = [processes.start(), processes.start({ concurrency: 3 })]
    near.enter(3)
    const other = createSharedUsage(async () => {}, processes.clock)
    const table = tableWith({ concurrency: 3 }, 'another')
    other.adopt(table)
    await pass(250)
    for (const message of near.told) other.hear(message)
    expect([far.place.isFull, table.concurrencyLimits[0]?.isFull]).toEqual([true, false])
    await other.close()
  })
})
