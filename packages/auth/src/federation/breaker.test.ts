import { beforeEach, describe, expect, it } from 'vitest'
import { type Breaker, createBreaker } from './breaker.ts'

let now: number
let breaker: Breaker
beforeEach(() => {
  now = 5000
  breaker = createBreaker(() => now)
})
const fail = (times: number): void => {
  for (let time = 0; time < times; time += 1) {
    if (breaker.enter()) breaker.failed()
  }
}

describe('a breaker', () => {
  it('lets ask while there are fewer than three failures in a row', () => {
    fail(2)
    expect([breaker.isClosed, breaker.enter()]).toEqual([true, true])
    breaker.answered()
    fail(2)
    expect(breaker.isClosed).toBe(true)
    fail(1)
    expect([breaker.isClosed, breaker.enter()]).toEqual([false, false])
  })

  it('lets five ask at a time once one has failed, and any number before', () => {
    const enter = (times: number) => Array.from({ length: times }, () => breaker.enter()).filter((may) => may).length
    expect(enter(30)).toBe(30)
    for (let time = 0; time < 29; time += 1) breaker.left()
    expect(breaker.isFailing).toBe(false)
    breaker.failed()
    expect([breaker.isFailing, breaker.letsIn, enter(10), breaker.letsIn]).toEqual([true, true, 5, false])
    breaker.left()
    expect(enter(10)).toBe(1)
    breaker.answered()
    expect([breaker.isFailing, enter(10)]).toEqual([false, 10])
  })

  it('leaves nothing alone for how many ask it, and knows that until it answers', () => {
    for (let time = 0; time < 4; time += 1) if (breaker.enter()) breaker.crowded()
    expect([breaker.isFailing, breaker.letsIn]).toEqual([true, true])
    if (breaker.enter()) breaker.answered()
    expect(breaker.isFailing).toBe(false)
  })

  it('forgets what failed once it answers anything', () => {
    fail(2)
    if (breaker.enter()) breaker.answered()
    fail(2)
    expect([breaker.isFailing, breaker.isClosed]).toEqual([true, true])
    if (breaker.enter()) breaker.answered()
    expect(breaker.isFailing).toBe(false)
  })

  it('forgets after five minutes that something failed', () => {
    fail(3)
    now += 299_999
    expect(breaker.isFailing).toBe(true)
    now += 1
    expect(breaker.isFailing).toBe(false)
  })

  it('lets one ask after thirty seconds, and nobody else until that is known', () => {
    fail(3)
    now += 29_999
    expect([breaker.isClosed, breaker.enter()]).toEqual([false, false])
    now += 1
    expect(breaker.isClosed).toBe(true)
    expect([breaker.letsIn, breaker.enter(), breaker.letsIn, breaker.enter()]).toEqual([true, true, false, false])
    breaker.failed()
    expect([breaker.isClosed, breaker.enter()]).toEqual([false, false])
    now += 30_000
    expect(breaker.enter()).toBe(true)
    breaker.answered()
    expect([breaker.enter(), breaker.enter()]).toEqual([true, true])
  })
})
