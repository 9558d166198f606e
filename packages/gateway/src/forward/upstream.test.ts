import { afterEach, describe, expect, it } from 'vitest'
import { defaultTuning, type ForwardTuning } from './tuning.ts'
import { Upstream } from './upstream.ts'
import { UpstreamSet } from './upstream-set.ts'

const timeouts = { connect: 1000, headers: 1000, idle: 1000 }
const made: Upstream[] = []
function newUpstream(tuning: Partial<ForwardTuning> = {}): Upstream {
  const upstream = new Upstream('http://127.0.0.1:9', { timeouts }, { ...defaultTuning, ...tuning })
  made.push(upstream)
  return upstream
}
afterEach(async () => {
  for (const upstream of made.splice(0)) await upstream.close()
})

describe('an upstream that cannot be reached', () => {
  it('is left alone after three failures in a row, for a while that doubles up to the last', () => {
    const upstream = newUpstream({ firstPause: 1000, lastPause: 4000 })
    upstream.unreachable(0)
    upstream.unreachable(0)
    upstream.reached()
    upstream.unreachable(0)
    upstream.unreachable(0)
    expect(upstream.take(0)).toBe(true)
    upstream.unreachable(0)
    let now = 0
    for (const pause of [1000, 2000, 4000, 4000]) {
      expect(upstream.take(now + pause - 1)).toBe(false)
      now += pause
      expect(upstream.take(now)).toBe(true)
      // One probe; the others wait for what it finds.
      expect(upstream.take(now)).toBe(false)
      upstream.unreachable(now)
    }
    upstream.reached()
    expect(upstream.take(now)).toBe(true)
    expect(upstream.take(now)).toBe(true)
  })

  it('is not left alone for longer because many requests failed together', () => {
    const upstream = newUpstream({ firstPause: 1000 })
    for (let n = 0; n < 100; n += 1) upstream.unreachable(0)
    expect(upstream.take(1000)).toBe(true)
  })

  it('is tried as the last resort once per first pause', () => {
    const upstream = newUpstream({ firstPause: 1000 })
    const set = new UpstreamSet([upstream])
    for (let n = 0; n < 3; n += 1) upstream.unreachable(0)
    expect(set.take(999)).toBeUndefined()
    expect(set.take(1000)).toBe(upstream)
    upstream.unreachable(1000)
    expect(set.take(1999)).toBeUndefined()
    expect(set.take(2000)).toBe(upstream)
    expect(set.take(2000)).toBeUndefined()
  })

  it('is not left alone until a clock that was put back has caught up', () => {
    const now = 10_000_000
    const [upstream, lastResort] = [newUpstream(), newUpstream()]
    for (let n = 0; n < 3; n += 1) {
      upstream.unreachable(now)
      lastResort.unreachable(now)
    }
    expect(upstream.take(now - 3_600_000)).toBe(true)
    expect(lastResort.takeAsLastResort(now - 3_600_000)).toBe(true)
    expect(lastResort.takeAsLastResort(now - 3_600_000)).toBe(false)
  })

  it('is no stand-in for itself', () => {
    const upstream = newUpstream()
    expect(new UpstreamSet([upstream]).take(0, upstream)).toBeUndefined()
  })
})

it('takes no more requests than connections and queue allow', () => {
  const upstream = newUpstream({ connections: 2, queue: 1 })
  upstream.running = 2
  expect(upstream.take(0)).toBe(true)
  upstream.running = 3
  expect(upstream.take(0)).toBe(false)
})
