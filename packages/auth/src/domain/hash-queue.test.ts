import { afterEach, describe, expect, it, vi } from 'vitest'
import { HashQueue } from './hash-queue.ts'

/** Hashes that end when told, and how many of them run. */
function startHashes(queue: HashQueue, count: number) {
  const ends: (() => void)[] = []
  const outcomes = Array.from({ length: count }, () =>
    queue
      .run(() => new Promise<void>((resolve) => ends.push(resolve)))
      .then(
        () => 'done',
        (error: { code: string }) => error.code,
      ),
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
    const queue = new HashQueue({ atATime: 2, mayWait: 3 })
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
    const queue = new HashQueue({ atATime: 3, mayWait: 10, yielding: { isBusy: () => busy, processors: 1 } })
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
    const queue = new HashQueue({ atATime: 2, mayWait: 10, yielding: { isBusy: () => busy, processors: 0.25 } })
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
    const queue = new HashQueue({ atATime: 4, mayWait: 10, yielding: { isBusy: () => true, processors: 2.5 } })
    expect(await startHashes(queue, 4).running()).toBe(2)
  })

  it('goes on after a hash that fails', async () => {
    const queue = new HashQueue({ atATime: 1, mayWait: 1 })
    const failed = queue.run(() => Promise.reject(new Error('out of memory')))
    const next = queue.run(() => Promise.resolve('next'))
    await expect(failed).rejects.toThrow('out of memory')
    expect(await next).toBe('next')
  })
})
