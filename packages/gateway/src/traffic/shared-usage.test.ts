import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { tableFor } from '../fixtures/gateway-server.ts'
import type { ServiceDefinition } from '../routes.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { RateDefinition, RateLimit } from './rate-limit.ts'
import { createSharedUsage, type SharedUsage } from './shared-usage.ts'
import { parseUsageMessage } from './usage-message.ts'

type Limits = NonNullable<ServiceDefinition['limits']>

const tableWith = (limits: Limits) =>
  tableFor([
    { name: 's', audience: 's', upstream: ['http://s.test'], limits, routes: [{ path: '/**', require: 'nothing' }] },
  ])

/** A process, and what it has told. */
interface Process {
  readonly usage: SharedUsage
  readonly told: string[]
  readonly rate: RateLimit
  readonly place: ConcurrencyLimit
  /** How many of so many are let through. */
  take(key: string, times: number): number
  enter(times: number): void
  leave(times: number): void
}

const hundred: RateDefinition = { per: 'address', requests: 100, window: 60 }
const clock = new ManualClock()
let processes: Process[]
/** Whether what is told arrives. */
let connected: boolean

beforeEach(() => {
  vi.useFakeTimers()
  processes = []
  connected = true
})
afterEach(async () => {
  for (const { usage } of processes) await usage.close()
  vi.useRealTimers()
})

function start(limits: Limits = { rate: [hundred], concurrency: 40 }): Process {
  const table = tableWith({ rate: [hundred], concurrency: 40, ...limits })
  const told: string[] = []
  const usage = createSharedUsage(async (messages) => {
    told.push(...messages)
    // By two ways, and to itself too.
    if (connected) for (const other of [...processes, ...processes]) for (const one of messages) other.usage.hear(one)
  }, clock)
  usage.adopt(table)
  const [rate, place] = [table.rateLimits[0], table.concurrencyLimits[0]]
  if (rate === undefined || place === undefined) throw new Error('no limits')
  const take = (key: string, times: number): number =>
    Array.from({ length: times }, () => rate.take(key, clock.milliseconds())).filter((left) => left >= 0).length
  const repeat = (times: number, run: () => void): void => Array.from({ length: times }).forEach(run)
  const process: Process = {
    ...{ usage, told, rate, place, take },
    enter: (times) => repeat(times, () => place.enter()),
    leave: (times) => repeat(times, () => place.leave()),
  }
  processes.push(process)
  return process
}

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds)

describe('rate limits of several processes', () => {
  it('count once and everywhere what was taken at one of them', async () => {
    const [near, far, third] = [start(), start(), start()]
    expect([near.take('a', 3), far.take('a', 4), near.take('b', 1)]).toEqual([3, 4, 1])
    await pass(250)
    for (const { rate } of [near, far, third]) {
      expect([rate.take('a', clock.milliseconds()), rate.take('b', clock.milliseconds())]).toEqual([92, 98])
    }
  })

  it('let through together what one alone would, and what is taken before it is told', async () => {
    const [near, far] = [start(), start()]
    let through = 0
    for (let round = 0; round < 20; round += 1) {
      through += near.take('a', 10) + far.take('a', 10)
      await pass(50)
    }
    expect(through).toBeGreaterThanOrEqual(100)
    expect(through).toBeLessThanOrEqual(120)
  })

  it('are told within a quarter of a second, and within a twentieth where much is taken', async () => {
    const [near, far] = [start(), start()]
    await pass(100)
    near.take('a', 1)
    await pass(149)
    expect(near.told).toHaveLength(0)
    await pass(1)
    expect(near.told).toHaveLength(1)
    near.take('a', 30)
    await pass(49)
    expect(near.told).toHaveLength(1)
    await pass(1)
    expect(far.rate.take('a', clock.milliseconds())).toBe(68)
    // However much it is: no more than so often.
    for (let count = 0; count < 100; count += 1) {
      near.take(`key-${count}`, 50)
      await pass(5)
    }
    expect(near.told.length).toBeLessThanOrEqual(13)
  })

  it('are not told of where nothing is taken', async () => {
    const [near, far] = [start(), start()]
    near.take('a', 200)
    await pass(1000)
    expect(near.told).toHaveLength(1)
    expect(near.take('a', 200)).toBe(0)
    await pass(10_000)
    expect([near.told.length, far.told.length]).toEqual([1, 0])
  })

  it('go on where nothing can be told, each for itself', async () => {
    const [near, far] = [start(), start()]
    connected = false
    expect([near.take('a', 60), far.take('a', 60)]).toEqual([60, 60])
    await pass(250)
    connected = true
    expect([near.take('a', 60), far.take('a', 60)]).toEqual([40, 40])
  })

  it.each([
    ['of another rate', { rate: [{ ...hundred, requests: 99, burst: 100 }] }],
    ['of another time', { rate: [{ ...hundred, window: 61 }] }],
    ['of another burst', { rate: [{ ...hundred, burst: 101 }] }],
    ['by something else', { rate: [{ ...hundred, per: 'client' as const }] }],
  ])('are others where they are %s', async (_, limits) => {
    const [near, far] = [start(), start(limits)]
    near.take('a', 50)
    await pass(250)
    expect(near.told).toHaveLength(1)
    expect(far.take('a', 100)).toBeGreaterThanOrEqual(99)
  })

  it('are those of the configuration that counts now', async () => {
    const [near, far] = [start(), start()]
    const adopt = (rate: RateDefinition): RateLimit | undefined => {
      const table = tableWith({ rate: [rate] })
      near.usage.adopt(table)
      return table.rateLimits[0]
    }
    const changed = adopt({ ...hundred, requests: 50 })
    far.take('a', 40)
    await pass(250)
    expect(changed?.take('a', clock.milliseconds())).toBe(49)
    const back = adopt(hundred)
    far.take('a', 40)
    await pass(250)
    expect(back?.take('a', clock.milliseconds())).toBe(59)
  })
})

describe('what cannot be told', () => {
  const limits = () => tableWith({ rate: [hundred] })

  it('is waited for, and told together with what was taken meanwhile', async () => {
    const asked: (() => void)[] = []
    const told: string[] = []
    const usage = createSharedUsage((messages) => {
      told.push(...messages)
      return new Promise<void>((resolve) => asked.push(resolve))
    }, clock)
    const table = limits()
    usage.adopt(table)
    table.rateLimits[0]?.take('a', 0)
    await pass(250)
    table.rateLimits[0]?.take('a', 0)
    table.rateLimits[0]?.take('b', 0)
    await pass(5000)
    expect(told).toHaveLength(1)
    asked[0]?.()
    await pass(250)
    expect(told).toHaveLength(2)
    expect(parseUsageMessage(told[1] ?? '')?.taken.map(({ key }) => key)).toEqual(['a', 'b'])
    asked[1]?.()
    await usage.close()
  })

  it('is lost, and the next is told again', async () => {
    let asked = 0
    const usage = createSharedUsage(async () => {
      asked += 1
      throw new Error('the database is away')
    }, clock)
    const table = limits()
    usage.adopt(table)
    for (let round = 1; round <= 3; round += 1) {
      table.rateLimits[0]?.take('a', 0)
      await pass(250)
      expect(asked).toBe(round)
    }
    await usage.close()
  })
})

describe('limits on what several processes have under way', () => {
  it('count what is under way at the others, until that is over', async () => {
    const [near, far] = [start(), start({ concurrency: 5 })]
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
    const near = start()
    near.enter(5)
    await pass(5000)
    const far = start({ concurrency: 5 })
    expect(far.place.isFull).toBe(false)
    await pass(1000)
    expect(far.place.isFull).toBe(true)
    expect(near.told.length).toBeLessThanOrEqual(7)
  })

  it('are free again within three seconds where a process has died, and at once where it was stopped', async () => {
    const [dies, stops, stays] = [start(), start(), start({ concurrency: 10 })]
    dies.enter(5)
    stops.enter(5)
    await pass(250)
    expect(stays.place.isFull).toBe(true)
    stops.leave(5)
    await stops.usage.close()
    expect(stays.place.isFull).toBe(false)
    stays.enter(5)
    processes = [stays]
    await pass(2000)
    expect(stays.place.isFull).toBe(true)
    connected = false
    await pass(3500)
    expect(stays.place.isFull).toBe(false)
  })

  it('are of the same place whatever its limit is, and of no other', async () => {
    const [near, far] = [start(), start({ concurrency: 3 })]
    near.enter(3)
    const other = createSharedUsage(async () => {}, clock)
    const table = tableFor([
      {
        name: 'another',
        audience: 's',
        upstream: ['http://s.test'],
        limits: { concurrency: 3 },
        routes: [{ path: '/**', require: 'nothing' }],
      },
    ])
    other.adopt(table)
    await pass(250)
    for (const message of near.told) other.hear(message)
    expect([far.place.isFull, table.concurrencyLimits[0]?.isFull]).toEqual([true, false])
    await other.close()
  })
})

describe('what is heard', () => {
  it('is of an issuer of one’s own', async () => {
    const [near, far] = [start(), start()]
    far.usage.adopt({ ...tableWith({}), issuerHost: 'other.test', rateLimits: [far.rate], concurrencyLimits: [] })
    near.take('a', 50)
    await pass(250)
    expect(far.take('a', 100)).toBe(100)
  })

  it('is kept of so many processes, whoever says that there are more', async () => {
    const [near, other] = [start({ concurrency: 80 }), start()]
    connected = false
    other.enter(1)
    other.take('a', 1)
    await pass(250)
    const [, , place, taken] = JSON.parse(other.told[0] ?? '') as unknown[]
    const say = (from: number, entry: unknown): void => near.usage.hear(JSON.stringify([`p${from}`, 1, entry]))
    for (let from = 0; from < 100; from += 1) say(from, place)
    near.enter(15)
    expect(near.place.isFull).toBe(false) // of those 100 it counts 64
    near.enter(1)
    expect(near.place.isFull).toBe(true)

    for (const from of [1000, 1000]) say(from, taken)
    for (let from = 2000; from < 2256; from += 1) say(from, ['nowhere', 1])
    say(1000, taken) // by now it is a stranger
    expect(near.rate.take('a', clock.milliseconds())).toBe(97)
  })

  it('counts once, in the order of its numbers, and never where it is one’s own', async () => {
    const [near, far] = [start(), start()]
    near.take('a', 50)
    await pass(250)
    const [message = ''] = near.told
    for (const process of processes) for (let count = 0; count < 10; count += 1) process.usage.hear(message)
    expect([near.take('a', 100), far.take('a', 100)]).toEqual([50, 50])
  })

  it('is ignored where it is no message or of no limit that there is', () => {
    const near = start()
    for (const text of ['', '[]', '["p",1,["nowhere","a",50],["nowhere",50]]', '{"__proto__":1}', '"'.repeat(9000)]) {
      near.usage.hear(text)
    }
    expect(near.take('a', 100)).toBe(100)
  })

  it('holds nobody up for longer than a bucket takes to fill twice, nor a place for longer than three seconds', async () => {
    const near = start()
    near.take('a', 1)
    near.enter(1)
    await pass(250)
    const entries = JSON.parse(near.told[0] ?? '') as [string, number, [string, number], [string, string, number]]
    const [, , [place], [limit]] = entries
    for (let number = 1; number <= 500; number += 1) {
      near.usage.hear(JSON.stringify([`p${number}`, number, [limit, 'a', 1e9], [place, 1e9]]))
    }
    expect([near.rate.take('a', clock.milliseconds()) >= -121_000, near.place.isFull]).toEqual([true, true])
    await pass(3500)
    expect(near.place.isFull).toBe(false)
  })
})

it('nothing runs where there is no limit', async () => {
  const usage = createSharedUsage(async () => {}, clock)
  const table = tableFor([
    { name: 's', audience: 's', upstream: ['http://s.test'], routes: [{ path: '/**', require: 'nothing' }] },
  ])
  usage.adopt(table)
  expect(vi.getTimerCount()).toBe(0)
  usage.adopt(tableWith({ rate: [hundred] }))
  expect(vi.getTimerCount()).toBe(1)
  usage.adopt(table)
  expect(vi.getTimerCount()).toBe(0)
  await usage.close()
})
