import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCredentials } from './credentials.ts'

describe('parseCredentials', () => {
  it.each([
    ['Bearer a.b.c', 'a.b.c'],
    ['bearer abc', 'abc'],
    ['BEARER  abc==', 'abc=='],
    ['Bearer abc ', 'abc'],
  ])('%j', (header, token) => {
    expect(parseCredentials(header)).toEqual({ scheme: 'Bearer', token })
    expect(parseCredentials([header])).toEqual({ scheme: 'Bearer', token })
  })

  it.each(['DPoP abc', 'dpop  abc '])('%j', (header) => {
    expect(parseCredentials(header)).toEqual({ scheme: 'DPoP', token: 'abc' })
  })

  it.each([undefined, '', [], [''], 'Basic YTpi', 'Bearerx abc', 'DPoPx abc', ' Bearer abc'].map((header) => [header]))(
    '%j presents no token',
    (header) => {
      expect(parseCredentials(header)).toBe('absent')
    },
  )

  it.each(
    [
      'Bearer',
      'Bearer ',
      'Bearer a b',
      'Bearer a, Bearer b',
      'Bearer "a"',
      'Bearer a=b',
      'Bearer\ta',
      'Bearer é',
      `Bearer ${'a'.repeat(9000)}`,
      'DPoP',
      'DPoP a, DPoP b',
      ['Bearer a', 'Bearer b'],
      ['Bearer a', 'Basic b'],
    ].map((header) => [header]),
  )('%j is malformed or absent, never a token', (header) => {
    expect(parseCredentials(header)).not.toHaveProperty('token')
  })

  it('never throws, and never finds a token with a space, comma or control character', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      const found = parseCredentials(`Bearer ${text}`)
      return typeof found === 'string' || /^[\x21-\x2b\x2d-\x7e]+$/.test(found.token)
    })
    fc.assert(property, { numRuns: 2000 })
  })
})
