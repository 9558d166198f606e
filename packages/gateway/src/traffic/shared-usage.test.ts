import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { tableFor } from '../fixtures/gateway-server.ts'
import { hundred, LimitProcesses, tableWith } from '../fixtures/limit-processes.ts'
import type { RateDefinition, RateLimit } from './rate-limit.ts'
import { createSharedUsage } from './shared-usage.ts'
import { parseUsageMessage } from './usage-message.ts'

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

describe('rate limits of several processes', () => {
  it('count once and everywhere what was taken at one of them', async () => {
    const [near, far, third] = [processes.start(), processes.start(), processes.start()]
    expect([near.take('a', 3), far.take('a', 4), near.take('b', 1)]).toEqual([3, 4, 1])
    await pass(250)
    for (const { rate } of [near, far, third]) {
      expect([rate.take('a', processes.clock.milliseconds()), rate.take('b', processes.clock.milliseconds())]).toEqual([
        92, 98,
      ])
    }
  })

  it('let through together what one alone would, and what is taken before it is told', async () => {
    const [near, far] = [processes.start(), processes.start()]
    let through = 0
    for (let round = 0; round < 20; round += 1) {
      through += near.take('a', 10) + far.take('a', 10)
      await pass(50)
    }
    expect(through).toBeGreaterThanOrEqual(100)
    expect(through).toBeLessThanOrEqual(120)
  })

  it('are told within a quarter of a second, and within a twentieth where much is taken', async () => {
    const [near, far] = [processes.start(), processes.start()]
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
    expect(far.rate.take('a', processes.clock.milliseconds())).toBe(68)
    // However much it is: no more than so often.
    for (let count = 0; count < 100; count += 1) {
      near.take(`key-${count}`, 50)
      await pass(5)
    }
    expect(near.told.length).toBeLessThanOrEqual(13)
  })

  it('are not told of where nothing is taken', async () => {
    const [near, far] = [processes.start(), processes.start()]
    near.take('a', 200)
    await pass(1000)
    expect(near.told).toHaveLength(1)
    expect(near.take('a', 200)).toBe(0)
    await pass(10_000)
    expect([near.told.length, far.told.length]).toEqual([1, 0])
  })

  it('go on where nothing can be told, each for itself', async () => {
    const [near, far] = [processes.start(), processes.start()]
    processes.connected = false
    expect([near.take('a', 60), far.take('a', 60)]).toEqual([60, 60])
    await pass(250)
    processes.connected = true
    expect([near.take('a', 60), far.take('a', 60)]).toEqual([40, 40])
  })

  it.each([
    ['of another rate', { rate: [{ ...hundred, requests: 99, burst: 100 }] }],
    ['of another time', { rate: [{ ...hundred, window: 61 }] }],
    ['of another burst', { rate: [{ ...hundred, burst: 101 }] }],
    ['by something else', { rate: [{ ...hundred, per: 'client' as const }] }],
  ])('are others where they are %s', async (_, limits) => {
    const [near, far] = [processes.start(), processes.start(limits)]
    near.take('a', 50)
    await pass(250)
    expect(near.told).toHaveLength(1)
    expect(far.take('a', 100)).toBeGreaterThanOrEqual(99)
  })

  it('are those of the configuration that counts now', async () => {
    const [near, far] = [processes.start(), processes.start()]
    const adopt = (rate: RateDefinition): RateLimit | undefined => {
      const table = tableWith({ rate: [rate] })
      near.usage.adopt(table)
      return table.rateLimits[0]
    }
    const changed = adopt({ ...hundred, requests: 50 })
    far.take('a', 40)
    await pass(250)
    expect(changed?.take('a', processes.clock.milliseconds())).toBe(49)
    const back = adopt(hundred)
    far.take('a', 40)
    await pass(250)
    expect(back?.take('a', processes.clock.milliseconds())).toBe(59)
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
    }, processes.clock)
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
    }, processes.clock)
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

describe('what is heard', () => {
  it('is of an issuer of one’s own', async () => {
    const [near, far] = [processes.start(), processes.start()]
    far.usage.adopt({ ...tableWith({}), issuerHost: 'other.test', rateLimits: [far.rate], concurrencyLimits: [] })
    near.take('a', 50)
    await pass(250)
    expect(far.take('a', 100)).toBe(100)
  })

  it('is kept of so many processes, whoever says that there are more', async () => {
    const [near, other] = [processes.start({ concurrency: 80 }), processes.start()]
    processes.connected = false
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
    expect(near.rate.take('a', processes.clock.milliseconds())).toBe(97)
  })

  it('counts once, in the order of its numbers, and never where it is one’s own', async () => {
    const [near, far] = [processes.start(), processes.start()]
    near.take('a', 50)
    await pass(250)
    const [message = ''] = near.told
    for (const process of [near, far]) for (let count = 0; count < 10; count += 1) process.usage.hear(message)
    expect([near.take('a', 100), far.take('a', 100)]).toEqual([50, 50])
  })

  it('is ignored where it is no message or of no limit that there is', () => {
    const near = processes.start()
    for (const text of ['', '[]', '["p",1,["nowhere","a",50],["nowhere",50]]', '{"__proto__":1}', '"'.repeat(9000)]) {
      near.usage.hear(text)
    }
    expect(near.take('a', 100)).toBe(100)
  })

  it('holds nobody up for longer than a bucket takes to fill twice, nor a place for longer than three seconds', async () => {
    const near = processes.start()
    near.take('a', 1)
    near.enter(1)
    await pass(250)
    const entries = JSON.parse(near.told[0] ?? '') as [string, number, [string, number], [string, string, number]]
    const [, , [place], [limit]] = entries
    for (let number = 1; number <= 500; number += 1) {
      near.usage.hear(JSON.stringify([`p${number}`, number, [limit, 'a', 1e9], [place, 1e9]]))
    }
    expect([near.rate.take('a', processes.clock.milliseconds()) >= -121_000, near.place.isFull]).toEqual([true, true])
    await pass(3500)
    expect(near.place.isFull).toBe(false)
  })
})

it('nothing runs where there is no limit', async () => {
  const usage = createSharedUsage(async () => {}, processes.clock)
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
