import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonFaultError, parseJsonObject } from './json.ts'

const faultOf = (text: string, options = {}): string => {
  try {
    parseJsonObject(text, options)
    return 'none'
  } catch (error) {
    return error instanceof JsonFaultError ? error.fault : 'another error'
  }
}

describe('parseJsonObject', () => {
  it('takes one JSON object and nothing else', () => {
    expect(parseJsonObject('{"a":1}')).toEqual({ a: 1 })
    for (const text of ['', '{', '{} {}', "{'a':1}", 'NaN']) expect(faultOf(text)).toBe('not_json')
    for (const text of ['[]', '"x"', '1', 'null', 'true']) expect(faultOf(text)).toBe('not_an_object')
  })

  it('refuses names that reach for a prototype, however they are written and however deep', () => {
    for (const text of [
      '{"__proto__":1}',
      '{"\\u005f_proto__":1}',
      '{"a":[{"constructor":1}]}',
      '{"a":{"prototype":1}}',
    ]) {
      expect(faultOf(text)).toBe('forbidden_member')
    }
  })

  it('refuses what is nested deeper than it is told', () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    expect([faultOf(nested(20)), faultOf(nested(21)), faultOf(nested(3), { maxDepth: 2 })]).toEqual([
      'none',
      'too_deep',
      'too_deep',
    ])
    expect(faultOf(`{"a":${'['.repeat(20)}${']'.repeat(20)}}`)).toBe('too_deep')
  })

  it('finds a member that stands twice, with escapes, spaces and strings that look like members', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"\\u0061":2}',
      '{"b":{"a":1, "a" :2}}',
      '[]{'.replace('[]{', '{"x":[{"a":1,"a":1}]}'),
      '{"":1,"":2}',
    ]) {
      expect(faultOf(text, { unique: true })).toBe('duplicate_member')
      expect(faultOf(text)).toBe('none')
    }
    for (const text of [
      '{"a":"b","c":"a"}',
      '{"a":{"a":1}}',
      '{"a":"\\"a\\":1"}',
      '{"a":"\\\\","b":"\\\\\\""}',
      '{"a":["a","a"],"b":"x:"}',
      '{ "a" : 1 }',
    ]) {
      expect(faultOf(text, { unique: true })).toBe('none')
    }
  })

  it('finds no duplicate in what JSON.stringify writes, and always one in what repeats a member', () => {
    const usable = fc.dictionary(
      fc.string().filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name)),
      fc.jsonValue({ maxDepth: 3 }),
      { minKeys: 1 },
    )
    fc.assert(
      fc.property(usable, (value) => {
        const text = JSON.stringify(value)
        const plain = faultOf(text)
        expect(faultOf(text, { unique: true })).toBe(plain)
        if (plain !== 'none') return
        const [name = ''] = Object.keys(value)
        expect(faultOf(`${text.slice(0, -1)},${JSON.stringify(name)}:0}`, { unique: true })).toBe('duplicate_member')
      }),
    )
  })
})
