import { expect, it } from 'vitest'
import { parseRevocations, parseSeq } from './feed-events.ts'

const good = { kind: 'sid', value: 'a', issued_before: null, expires_at: 1_900_000_000 }

it('reads entries, and takes no member along that it does not know', () => {
  const later = { ...good, kind: 'sub', issued_before: 1_800_000_000 }
  expect(parseRevocations(JSON.stringify([{ ...good, seq: 7 }, later]))).toEqual([good, later])
  expect(parseRevocations('[]')).toEqual([])
})

it.each<[string, unknown]>([
  ['a kind that is not known', { ...good, kind: 'tenant' }],
  ['the name of something that every object has', { ...good, kind: '__proto__' }],
  ['no kind', { ...good, kind: undefined }],
  ['a value that is no text', { ...good, value: 7 }],
  ['no end', { ...good, expires_at: null }],
  ['an end that is no whole number', { ...good, expires_at: 1.5 }],
  ['a beginning that is no number', { ...good, issued_before: '1800000000' }],
  ['a beginning that is left out', { ...good, issued_before: undefined }],
  ['nothing', null],
  ['a text', 'sid'],
])('refuses an entry with %s, and the whole event with it', (_, entry) => {
  expect(() => parseRevocations(JSON.stringify([good, entry]))).toThrow('cannot be read')
})

it('reads the number of an event', () => {
  expect([parseSeq(undefined), parseSeq('0'), parseSeq('123456789012345')]).toEqual([undefined, 0, 123_456_789_012_345])
  for (const id of ['', '-1', '1.5', '1e3', '1234567890123456']) expect(() => parseSeq(id)).toThrow('no number')
})
