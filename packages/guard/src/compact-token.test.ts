import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalizeType, parseCompactToken, parseJsonPart } from './compact-token.ts'

describe('parseCompactToken', () => {
  it('gives the parts as they stand', () => {
    expect(parseCompactToken('YWE.YWI.YWM')).toEqual({
      headerPart: 'YWE',
      payloadPart: 'YWI',
      signaturePart: 'YWM',
      signedLength: 7,
    })
  })

  it('looks at 8192 characters and no more', () => {
    expect(parseCompactToken(`YWE.YWI.${'A'.repeat(8184)}`)).toBeDefined()
    expect(parseCompactToken(`YWE.YWI.${'A'.repeat(8188)}`)).toBeUndefined()
  })

  it('takes the one canonical spelling of any bytes, and no other', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 })
    const character = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    const property = fc.property(bytes, character, (value, last) => {
      const spelling = Buffer.from(value).toString('base64url')
      expect(parseCompactToken(`${spelling}.${spelling}.${spelling}`)).toBeDefined()
      const other = spelling.slice(0, -1) + last
      const isCanonical = Buffer.from(other, 'base64url').toString('base64url') === other
      expect(parseCompactToken(`YWE.${other}.YWM`) !== undefined).toBe(isCanonical)
    })
    fc.assert(property, { numRuns: 1000 })
  })
})

it('parseJsonPart gives an object or nothing, whatever the bytes', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const parsed = parseJsonPart(Buffer.from(bytes).toString('base64url'))
    return parsed === undefined || (typeof parsed === 'object' && !Array.isArray(parsed))
  })
  fc.assert(property, { numRuns: 1000 })
})

it('normalizeType takes one media type tree off, once', () => {
  expect(['AT+JWT', 'application/at+JWT', 'application/application/x'].map(normalizeType)).toEqual([
    'at+jwt',
    'at+jwt',
    'application/x',
  ])
})
