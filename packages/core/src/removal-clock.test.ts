import { beforeEach, describe, expect, it } from 'vitest'
import { RemovalClock, settleTime } from './removal-clock.ts'
import { ManualClock, seconds } from './time.ts'

let clock: ManualClock
let removal: RemovalClock
beforeEach(() => {
  clock = new ManualClock(1000)
  removal = new RemovalClock(clock)
})
/** Time passes, and somebody looks each second. */
function pass(time: number): void {
  for (let second = 0; second < time; second += 1) {
    clock.advance(1)
    removal.now()
  }
}

describe('the clock of what is removed', () => {
  it('is the clock, however much time passes between two looks, and however it is set little by little', () => {
    clock.advance(1_000_000)
    expect(removal.now()).toBe(clock.now())
    for (let look = 0; look < 10; look += 1) {
      clock.set(4)
      expect(removal.now()).toBe(clock.now())
      clock.advance(1)
    }
  })

  it('goes on as time passes while the clock is ahead, and is the clock again once that comes back', () => {
    clock.set(3600)
    expect(removal.now()).toBe(1000)
    pass(60)
    expect(removal.now()).toBe(1060)
    clock.set(-3600)
    expect([removal.now(), clock.now()]).toEqual([1060, 1060])
  })

  it('is the clock while that is behind', () => {
    clock.set(-3600)
    expect(removal.now()).toBe(-2600)
    clock.set(3600)
    expect(removal.now()).toBe(1000)
  })

  it('takes a clock at its word that has stayed where it is for the longest life of a token', () => {
    clock.set(3600)
    pass(settleTime - 1)
    expect(removal.now()).toBe(1000 + settleTime - 1)
    pass(2)
    expect(removal.now()).toBe(clock.now())
    clock.set(3600)
    expect(removal.now()).toBe(clock.now() - 3600)
  })

  it('believes of a clock that jumps on what it has stayed beyond, as that of a machine that sleeps every night', () => {
    const night = 8 * 3600
    const day = settleTime - night
    for (let count = 0; count < 30; count += 1) {
      clock.set(night)
      pass(day)
    }
    // Not thirty nights: a token lives for a day of which the machine may sleep a part.
    expect(clock.now() - removal.now()).toBeLessThanOrEqual(3 * night)
    expect(clock.now() - removal.now()).toBeGreaterThan(0)
  })

  it('believes a clock that cannot tell how much time has passed', () => {
    const plain = new RemovalClock({ now: () => clock.now(), milliseconds: () => clock.milliseconds() })
    clock.set(3600)
    expect(plain.now()).toBe(seconds(4600))
  })
})
