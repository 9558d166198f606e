import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey } from './address-key.ts'
import { Buckets } from './buckets.ts'

describe('token buckets', () => {
  it('never let more through than the burst and what came back since', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 200 })
    const property = fc.property(pauses, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3000 }), run)
    fc.assert(property, { numRuns: 200 })
    function run(steps: readonly number[], burst: number, interval: number): void {
      const buckets = new Buckets(interval, burst)
      const start = 1_700_000_000_000
      let now = start
      let through = 0
      for (const step of steps) {
        now += step
        if (buckets.take('a', now) >= 0) through += 1
        expect(through).toBeLessThanOrEqual(burst + (now - start) / interval + 0.001)
      }
    }
  })

  it('let the whole burst through, also where a token takes no whole number of milliseconds', () => {
    const buckets = new Buckets(1000 / 3, 3)
    const left = [1, 2, 3].map(() => buckets.take('a', 1_700_000_000_001))
    expect(left).toEqual([2, 1, 0])
    expect(buckets.take('a', 1_700_000_000_001)).toBeCloseTo(-333, 0)
  })

  it('make nobody wait longer because the clock was put back', () => {
    const buckets = new Buckets(1000, 1)
    expect(buckets.take('a', 10_000_000)).toBe(0)
    expect(buckets.take('a', 1_000_000)).toBe(-1000)
    expect(buckets.take('a', 1_001_000)).toBe(0)
  })

  it('remember so many keys, those used last', () => {
    const buckets = new Buckets(1000, 1, 100)
    for (let number = 0; number < 10_000; number += 1) {
      buckets.take(`key-${number}`, 0)
      if (number % 50 === 0) buckets.take('busy', 0)
    }
    expect(buckets.keys).toBeLessThanOrEqual(200)
    expect(buckets.take('busy', 0)).toBeLessThan(0)
  })
})

describe('token buckets that others take from too', () => {
  const notes = { taken: () => {} }
  const shared = (interval: number, burst: number): Buckets => {
    const buckets = new Buckets(interval, burst)
    buckets.share(notes)
    return buckets
  }

  it('lack what was taken elsewhere, and owe what was taken beyond', () => {
    const buckets = shared(1000, 10)
    buckets.takeElsewhere('a', 4, 0)
    expect(buckets.take('a', 0)).toBe(5)
    buckets.takeElsewhere('a', 8, 0) // 3 more than there are
    expect(buckets.take('a', 0)).toBe(-4000)
    expect(buckets.take('a', 4000)).toBe(0)
    expect(buckets.take('b', 0)).toBe(9)
    buckets.takeElsewhere('b', 3, 1_000_000) // long full again
    expect(buckets.take('b', 1_000_000)).toBe(6)
  })

  it('owe at most what they hold, or what comes back in five seconds, whatever others say', () => {
    const [deep, shallow] = [shared(1000, 10), shared(100, 1)]
    for (let count = 0; count < 3; count += 1) {
      for (const buckets of [deep, shallow]) buckets.takeElsewhere('a', 1_000_000_000, 0)
      deep.takeElsewhere('b', 1_000_000_000, 0)
    }
    expect([deep.take('a', 0), shallow.take('a', 0)]).toEqual([-11_000, -5100])
    expect([deep.take('a', 11_000), shallow.take('a', 5100)]).toEqual([0, 0])
    expect(deep.take('b', 11_000)).toBe(0) // also where nobody has asked meanwhile
  })

  it.each([1, 20])('let no more through together in the long run than one alone, with a burst of %d', (burst) => {
    const seconds = 600
    const processes = Array.from({ length: 4 }, () => ({ buckets: new Buckets(100, burst), taken: 0 }))
    for (const process of processes) {
      process.buckets.share({
        taken: () => {
          process.taken += 1
        },
      })
    }
    let through = 0
    for (let now = 0; now < seconds * 1000; now += 10) {
      for (const { buckets } of processes) if (buckets.take('a', now) >= 0) through += 1
      if (now % 250 !== 0) continue
      const told = processes.map(({ taken }) => taken)
      for (const [from, tokens] of told.entries()) {
        for (const [to, { buckets }] of processes.entries()) if (to !== from) buckets.takeElsewhere('a', tokens, now)
      }
      for (const process of processes) process.taken = 0
    }
    // One alone: the burst, and ten a second. Four that know nothing of each other: four times as much.
    expect(through).toBeLessThan(1.05 * (burst + seconds * 10))
    expect(through).toBeGreaterThan(0.95 * seconds * 10)
  })
})

describe('what an address counts as', () => {
  it('is itself for IPv4 and its network for IPv6, in every spelling', () => {
    const keys = [
      '192.0.2.1',
      '2001:db8::1',
      '2001:DB8:0:0:5:6:7:8',
      '2001:0db8::',
      'fe80::1%eth0',
      '::',
      '::1',
      '1::',
    ].map(addressKey)
    expect(keys).toEqual([
      ...['192.0.2.1', '2001:db8:0:0', '2001:db8:0:0', '2001:db8:0:0', 'fe80:0:0:0'],
      ...['0:0:0:0', '0:0:0:0', '1:0:0:0'],
    ])
    expect(addressKey('64:ff9b::192.0.2.1')).toBe('64:ff9b:0:0')
    expect(addressKey('not:an:address')).toBe('not:an:address')
  })
})
