import { describe, expect, it } from 'vitest'
import { Buckets } from './buckets.ts'
import { UntoldUsage } from './untold-usage.ts'

const tellAll = (untold: UntoldUsage, most = Number.POSITIVE_INFINITY): [string, string, number][] => {
  const told: [string, string, number][] = []
  untold.tellAll((...entry) => told.length < most && told.push(entry) > 0)
  return told
}

const takeTimes = (buckets: Buckets, key: string, times: number): void => {
  for (let count = 0; count < times; count += 1) buckets.take(key, 0)
}

/** A limit of so many a second, and what happens at once. */
const start = (burst: number, most?: number) => {
  let hurried = 0
  const untold = new UntoldUsage(() => {
    hurried += 1
  }, most)
  const bucketsOf = (limit: string, of = burst): Buckets => {
    const buckets = new Buckets(1000, of)
    buckets.share(untold.notesOf(limit, of))
    return buckets
  }
  return { untold, bucketsOf, hurried: () => hurried }
}

describe('what the others have not been told', () => {
  it('is what was taken here, once', () => {
    const { untold, bucketsOf } = start(5)
    const buckets = bucketsOf('limit')
    takeTimes(buckets, 'a', 7) // two of them are refused
    buckets.takeElsewhere('b', 3, 0)
    expect(tellAll(untold)).toEqual([['limit', 'a', 5]])
    expect(tellAll(untold)).toEqual([])
    takeTimes(buckets, 'b', 1)
    expect(tellAll(untold)).toEqual([['limit', 'b', 1]])
  })

  it('is nothing of what was given back', () => {
    const { untold, bucketsOf } = start(5)
    const buckets = bucketsOf('limit')
    for (let count = 0; count < 3; count += 1) {
      takeTimes(buckets, 'a', 1)
      buckets.giveBack('a')
    }
    takeTimes(buckets, 'b', 1)
    expect(tellAll(untold)).toEqual([['limit', 'b', 1]])
    takeTimes(buckets, 'a', 2)
    expect(tellAll(untold)).toEqual([['limit', 'a', 2]])
  })

  it('is told of those first that have used up most of their own, and waits where it does not fit', () => {
    const { untold, bucketsOf } = start(100)
    const [wide, narrow] = [bucketsOf('wide'), bucketsOf('narrow', 4)]
    takeTimes(wide, 'light', 1)
    takeTimes(wide, 'heavy', 60)
    takeTimes(narrow, 'most', 3)
    expect(tellAll(untold, 2)).toEqual([
      ['narrow', 'most', 3],
      ['wide', 'heavy', 60],
    ])
    takeTimes(wide, 'light', 1)
    expect(tellAll(untold)).toEqual([['wide', 'light', 2]])
  })

  it('is of so many keys, and what more keys take stays here', () => {
    const { untold, bucketsOf } = start(5, 3)
    const buckets = bucketsOf('limit')
    for (const key of ['a', 'b', 'c', 'd', 'a']) takeTimes(buckets, key, 1)
    expect(tellAll(untold).map(([, key, tokens]) => [key, tokens])).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ])
    takeTimes(buckets, 'd', 1)
    expect(tellAll(untold)).toEqual([['limit', 'd', 1]])
  })

  it('hurries where a key uses up a sixteenth of what it may have', () => {
    const { untold, bucketsOf, hurried } = start(64)
    const buckets = bucketsOf('limit')
    takeTimes(buckets, 'a', 3)
    takeTimes(buckets, 'b', 3)
    expect(hurried()).toBe(0)
    takeTimes(buckets, 'a', 1)
    expect(hurried()).toBe(1)
    tellAll(untold)
    takeTimes(buckets, 'a', 3)
    expect(hurried()).toBe(1)
  })
})
