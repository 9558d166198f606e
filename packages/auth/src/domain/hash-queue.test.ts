import { afterEach, describe, expect, it, vi } from 'vitest'
import { type HashLimits, HashQueue } from './hash-queue.ts'

type Hash = () => Promise<string>

/** Runs what each place takes at once, and notes how many that was. */
function openQueue(limits: HashLimits) {
  const handfuls: number[] = []
  const queue = new HashQueue<Hash, string>(limits, (hashes) => {
    handfuls.push(hashes.length)
    return Promise.all(hashes.map((hash) => hash()))
  })
  return { queue, handfuls }
}

/** Hashes that end when told, and how many of them run. */
function startHashes(queue: HashQueue<Hash, string>, count: number) {
  const ends: (() => void)[] = []
  const outcomes = Array.from({ length: count }, () =>
    queue
      .run(() => new Promise((resolve) => ends.push(() => resolve('done'))))
      .catch((error: { code: string }) => error.code),
  )
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  return {
    outcomes,
    running: async () => {
      await settle()
      return ends.length
    },
    endOne: async () => {
      ends.shift()?.()
      await settle()
    },
  }
}

describe('a queue of hashes', () => {
  afterEach(() => vi.useRealTimers())

  it('runs so many at a time, lets so many wait, and turns the rest away at once', async () => {
    const { queue } = openQueue({ atATime: 2, mayWait: 3 })
    const hashes = startHashes(queue, 7)
    expect(await hashes.running()).toBe(2)
    expect(queue.depth).toBe(5)
    expect(await Promise.all(hashes.outcomes.slice(5))).toEqual(['temporarily_unavailable', 'temporarily_unavailable'])
    for (let left = 5; left > 0; left -= 1) {
      expect(await hashes.running()).toBe(Math.min(2, left))
      await hashes.endOne()
    }
    expect(await Promise.all(hashes.outcomes.slice(0, 5))).toEqual(Array(5).fill('done'))
    expect(queue.depth).toBe(0)
  })

  it('runs one by one while the process has other work, and all again after that', async () => {
    let busy = true
    const { queue } = openQueue({ atATime: 3, mayWait: 10, yielding: { isBusy: () => busy, processors: 1 } })
    const hashes = startHashes(queue, 6)
    expect(await hashes.running()).toBe(1)
    await hashes.endOne()
    expect(await hashes.running()).toBe(1)
    busy = false
    await hashes.endOne()
    expect(await hashes.running()).toBe(3)
    busy = true
    await hashes.endOne()
    await hashes.endOne()
    expect(await hashes.running()).toBe(1)
    await hashes.endOne()
    expect(await hashes.running()).toBe(1)
  })

  it('rests after a hash in proportion to what it took, as long as the process has other work', async () => {
    vi.useFakeTimers()
    let busy = true
    const { queue } = openQueue({ atATime: 2, mayWait: 10, yielding: { isBusy: () => busy, processors: 0.25 } })
    const hashes = startHashes(queue, 4)
    expect(await hashes.running()).toBe(1)
    vi.advanceTimersByTime(20)
    await hashes.endOne()
    expect(queue.depth).toBe(3)
    vi.advanceTimersByTime(59)
    expect(await hashes.running()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(await hashes.running()).toBe(1)
    vi.advanceTimersByTime(20)
    busy = false
    await hashes.endOne()
    expect(await hashes.running()).toBe(2)
  })

  it('runs as many at a time while the process has other work as it may take processors', async () => {
    const { queue } = openQueue({ atATime: 4, mayWait: 10, yielding: { isBusy: () => true, processors: 2.5 } })
    expect(await startHashes(queue, 4).running()).toBe(2)
  })

  it('goes on after a hash that fails', async () => {
    const { queue } = openQueue({ atATime: 1, mayWait: 1 })
    const failed = queue.run(() => Promise.reject(new Error('out of memory')))
    const next = queue.run(() => Promise.resolve('next'))
    await expect(failed).rejects.toThrow('out of memory')
    expect(await next).toBe('next')
  })

  it('gives a place a few together where many wait, and one where few do', async () => {
    const { queue, handfuls } = openQueue({ atATime: 2, mayWait: 100 })
    const hashes = startHashes(queue, 42)
    expect(await hashes.running()).toBe(2)
    // 40 wait, and then 36, 32 and so on.
    for (let left = 42; left > 0; left -= 1) await hashes.endOne()
    expect(await Promise.all(hashes.outcomes)).toEqual(Array(42).fill('done'))
    expect(handfuls.slice(0, 4)).toEqual([1, 1, 4, 4])
    expect(handfuls.slice(-14)).toEqual(Array(14).fill(1))
    expect(Math.max(...handfuls)).toBe(4)
    expect(handfuls.reduce((sum, one) => sum + one)).toBe(42)
    expect(queue.depth).toBe(0)
  })

  it('gives no place more than one while the process has other work', async () => {
    const { queue, handfuls } = openQueue({
      atATime: 2,
      mayWait: 100,
      yielding: { isBusy: () => true, processors: 1 },
    })
    const hashes = startHashes(queue, 40)
    for (let left = 40; left > 0; left -= 1) await hashes.endOne()
    expect(handfuls).toEqual(Array(40).fill(1))
  })

  it('fails all that a place took together where the place fails, and those alone', async () => {
    let places = 0
    const queue = new HashQueue<string, string>({ atATime: 1, mayWait: 100 }, async (jobs) => {
      places += 1
      await Promise.resolve()
      if (places === 2) throw new Error('the thread died')
      return jobs
    })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => queue.run(String(index))))
    const failed = outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
    expect(failed).toEqual([1, 2, 3, 4])
    expect(outcomes.at(-1)).toEqual({ status: 'fulfilled', value: '19' })
  })
})
