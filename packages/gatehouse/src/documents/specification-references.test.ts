import { describe, expect, it } from 'vitest'
import { findProvingTests, findReferences, findReferencesOfSource } from './specification-references.ts'

const shown = (references: ReturnType<typeof findReferences>): string[] =>
  references.map(({ specification, section }) => `${specification} ${section ?? '-'}`)

describe('places in specifications', () => {
  it.each([
    ['RFC 9728 sections 2, 3.1 and 3.3', ['RFC 9728 2', 'RFC 9728 3.1', 'RFC 9728 3.3']],
    ['RFC 6750 section 2.1, RFC 9449 section 7', ['RFC 6750 2.1', 'RFC 9449 7']],
    ['RFC 7662', ['RFC 7662 -']],
    ['OpenID Connect CIBA Core 1.0 section 8', ['OpenID Connect CIBA Core 8']],
    ['CIBA Core sections 10.1 and 11', ['OpenID Connect CIBA Core 10.1', 'OpenID Connect CIBA Core 11']],
    ['RFC 8628 section 3.5, CIBA Core section 11', ['RFC 8628 3.5', 'OpenID Connect CIBA Core 11']],
    ['JARM section 2.1', ['JWT Secured Authorization Response Mode 2.1']],
    ['FAPI 2.0 section 5.3.2.2: under 600', ['FAPI 2.0 Security Profile 5.3.2.2']],
    ['nothing of the kind', []],
  ])('are found in %j', (text, expected) => {
    expect(shown(findReferences(text))).toEqual(expected)
  })

  it('are read from the Spec sentences of comments and from endpoints, over line ends', () => {
    const source = `
/**
 * Does it. Spec: RFC 6749 section 3.1, OpenID Connect Core
 * section 3.1.2. Stops what RFC 1 section 1 says.
 */
const a = { spec: 'RFC 9126 section 2' } // Spec: RFC 9112 section 6.1. And RFC 2 section 2.
const text = 'RFC 3 section 3'
`
    expect(shown(findReferencesOfSource(source))).toEqual([
      'RFC 6749 3.1',
      'OpenID Connect Core 3.1.2',
      'RFC 9112 6.1',
      'RFC 9126 2',
    ])
  })
})

describe('tests that prove something', () => {
  const source = `
describe('a code (RFC 6749 section 4.1)', () => {
  it('4.1.2 and 4.1.3: is used once', () => {})
  it.each([['a']])('5 is there: %s', () => {})
  it.each(names)(\`6.1 (RFC 8252 section 7.3) it’s \${name}\`, () => {})
  it('200 of them', () => {})
})`

  it('are found by the section that their names begin with, in a file about one specification', () => {
    const tests = findProvingTests(source, 'RFC 1')
    expect(tests.map(({ proves }) => shown(proves))).toEqual([
      ['RFC 6749 4.1'],
      ['RFC 1 4.1.2', 'RFC 1 4.1.3'],
      ['RFC 1 5'],
      ['RFC 1 6.1', 'RFC 8252 7.3'],
      ['RFC 1 200'],
    ])
  })

  it('are found elsewhere by what stands in brackets', () => {
    const tests = findProvingTests(source, undefined)
    expect(tests.map(({ proves }) => shown(proves))).toEqual([['RFC 6749 4.1'], ['RFC 8252 7.3']])
  })
})
