import { beforeEach, describe, expect, it } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'

let breaker: CircuitBreaker
const fail = (times: number, now: number): void => {
  for (let index = 0; index < times; index += 1) {
    expect(breaker.mayTry(now)).toBe(true)
    breaker.fail(now)
  }
}
beforeEach(() => {
  breaker = new CircuitBreaker()
})

describe('who fails several times in a row', () => {
  it('is left alone for a second', () => {
    fail(4, 0)
    expect(breaker.mayTry(0)).toBe(true)
    breaker.fail(0)
    expect([breaker.mayTry(0), breaker.mayTry(999)]).toEqual([false, false])
  })

  it('is tried by one alone after that, and left alone for twice as long each time, up to 16 seconds', () => {
    fail(5, 0)
    let now = 0
    for (const rest of [1000, 2000, 4000, 8000, 16_000, 16_000]) {
      expect(breaker.mayTry(now + rest - 1)).toBe(false)
      now += rest
      expect([breaker.mayTry(now), breaker.mayTry(now)]).toEqual([true, false])
      breaker.fail(now)
    }
  })

  it('is not left alone for as long as the clock was put back', () => {
    fail(5, 3_600_000)
    expect([breaker.mayTry(3_600_500), breaker.mayTry(0)]).toEqual([false, true])
  })

  it('is asked by everybody again once it has answered', () => {
    fail(5, 0)
    expect(breaker.mayTry(1000)).toBe(true)
    breaker.succeed()
    fail(4, 1000)
    expect([breaker.mayTry(1000), breaker.mayTry(1000)]).toEqual([true, true])
  })

  it('rests no longer for what was under way when it began to', () => {
    for (let index = 0; index < 20; index += 1) expect(breaker.mayTry(0)).toBe(true)
    for (let index = 0; index < 20; index += 1) breaker.fail(0)
    expect([breaker.mayTry(999), breaker.mayTry(1000)]).toEqual([false, true])
  })
})
