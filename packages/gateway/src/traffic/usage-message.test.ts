import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseUsageMessage, UsageWriter } from './usage-message.ts'

const counts = fc.integer({ min: 0, max: 1_000_000_000 })
const names = fc.string({ maxLength: 16, unit: 'binary' }).filter((name) => name.length <= 16)
const keys = fc.string({ maxLength: 100, unit: 'binary' }).filter((key) => key.length <= 100)

const writerFrom = (from: string): UsageWriter => {
  let number = 0
  return new UsageWriter(from, () => {
    number += 1
    return number
  })
}

describe('a message about what was used', () => {
  it('is read as it was written, whatever the names are, and fits into a notification', () => {
    const taken = fc.array(fc.record({ limit: names, key: keys, tokens: counts }), { maxLength: 40 })
    const places = fc.array(fc.record({ place: names, underWay: counts }), { maxLength: 5 })
    const property = fc.property(taken, places, (all, full) => {
      const writer = writerFrom('self')
      for (const { place, underWay } of full) expect(writer.addPlace(place, underWay)).toBe(true)
      const accepted = all.filter(({ limit, key, tokens }) => writer.addTaken(limit, key, tokens))
      const messages = writer.finish()
      for (const message of messages) expect(message).toMatch(/^[\x20-\x7e]{1,7900}$/)
      const read = messages.map(parseUsageMessage)
      expect(read.map((message) => [message?.from, message?.number])).toEqual(
        read.map((_, index) => ['self', index + 1]),
      )
      expect(read.flatMap((message) => message?.taken)).toEqual(accepted)
      expect(read.flatMap((message) => message?.places)).toEqual(full)
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('is written where there is something to say, and at most four times', () => {
    expect(writerFrom('self').finish()).toEqual([])
    const writer = writerFrom('self')
    let fit = 0
    while (writer.addTaken('limit', '\u{1f511}'.repeat(50), 1)) fit += 1
    const messages = writer.finish()
    expect(messages.map(({ length }) => length > 7000 && length <= 7900)).toEqual([true, true, true, true])
    expect(messages.flatMap((message) => parseUsageMessage(message)?.taken)).toHaveLength(fit)
  })

  it('leaves out what is too long to be read', () => {
    const writer = writerFrom('self')
    expect([writer.addTaken('limit', 'x'.repeat(101), 1), writer.finish()]).toEqual([true, []])
  })

  it.each([
    ['no JSON', '["p",1'],
    ['no list', '{"0":"p","1":1}'],
    ['nothing', 'null'],
    ['no number', '["p"]'],
    ['a number that is none', '["p","1"]'],
    ['a process that is no name', '[1,1]'],
    ['a name that is too long', `["${'p'.repeat(17)}",1]`],
    ['something else', '["p",1,7]'],
    ['an empty entry', '["p",1,[]]'],
    ['an entry without a count', '["p",1,["limit"]]'],
    ['an entry with too much', '["p",1,["limit","key",1,1]]'],
    ['an entry whose limit is no name', '["p",1,[1,"key",1]]'],
    ['an entry whose key is no text', '["p",1,["limit",{},1]]'],
    ['an entry whose key is too long', `["p",1,["limit","${'k'.repeat(101)}",1]]`],
    ['a part of a token', '["p",1,["limit","key",0.5]]'],
    ['fewer than none', '["p",1,["limit","key",-1]]'],
    ['more than there can be', '["p",1,["limit","key",1000000001]]'],
    ['no number under way', '["p",1,["place",null]]'],
    ['one good entry and a bad one', '["p",1,["limit","key",1],["limit","key","1"]]'],
    ['more than a message can be', `["p",1${',["limit","key",1]'.repeat(500)}]`],
  ])('is none that has %s', (_, text) => {
    expect(parseUsageMessage(text)).toBeUndefined()
  })

  it('is none of what anything else says, and reading it throws nothing', () => {
    fc.assert(fc.property(fc.string(), (text) => parseUsageMessage(text) === undefined))
    fc.assert(fc.property(fc.json(), (text) => void parseUsageMessage(text)))
  })
})
