import { isRefusal } from '@gatehouse/core/contracts'
import { describe, expect, it } from 'vitest'
import {
  createTestSigner,
  createTestVerifier,
  encodePart,
  goodClaims,
  testAudience,
  testIssuer,
  testNow,
} from './testing/test-issuer.ts'

const signer = createTestSigner()
const { verifier } = createTestVerifier([signer.key])

const refusalOf = (token: string): string => {
  const outcome = verifier.verify(token, [testAudience])
  return isRefusal(outcome) ? outcome.refused : 'good'
}
const goodHeader = encodePart({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
/** A signed token whose payload is exactly this text. */
const withPayload = (text: string): string => signer.signParts(goodHeader, encodePart(text))
/** The good claims as text, with more members at the end. */
const claimsAnd = (more: string): string => `${JSON.stringify(goodClaims()).slice(0, -1)},${more}}`

it('the texts that these tests change are good as they are', () => {
  expect(refusalOf(signer.token())).toBe('good')
  expect(refusalOf(withPayload(claimsAnd('"more":1')))).toBe('good')
})

describe('J8 issuer and audience of another type', () => {
  it.each([
    ['iss a list', { iss: [testIssuer] }],
    ['iss a list of the good and a bad one', { iss: [testIssuer, 'https://evil.example'] }],
    ['iss an object', { iss: { [testIssuer]: true } }],
    ['iss null', { iss: null }],
    ['aud an object', { aud: { [testAudience]: true } }],
    ['aud a number', { aud: 7 }],
    ['aud null', { aud: null }],
    ['aud true', { aud: true }],
    ['aud lists in a list', { aud: [[testAudience]] }],
    ['aud an object in a list', { aud: [testAudience, { evil: true }] }],
    ['sub a list', { sub: ['usr_1'] }],
    ['sub a number', { sub: 1 }],
  ])('%s', (_, claims) => {
    expect(refusalOf(signer.token(claims))).toBe('bad_claims')
  })

  it.each([
    `${testIssuer}/`,
    `${testIssuer}.evil.example`,
    testIssuer.toUpperCase(),
    ` ${testIssuer}`,
    testIssuer.slice(0, -1),
    'http://auth.example.com',
  ])('iss %j', (iss) => {
    expect(refusalOf(signer.token({ iss }))).toBe('wrong_issuer')
  })
})

describe('J9 a payload that is no object', () => {
  it.each([
    '[]',
    `[${JSON.stringify(goodClaims())}]`,
    'null',
    'true',
    '7',
    '"text"',
    JSON.stringify(JSON.stringify(goodClaims())),
    '',
    ' ',
    '{',
    '{}x',
    '\ufeff{}',
  ])('%j', (text) => {
    expect(refusalOf(text === '' ? `${goodHeader}..AA` : withPayload(text))).toBe('malformed')
  })

  it('an empty object', () => {
    expect(refusalOf(withPayload('{}'))).toBe('bad_claims')
  })

  it.each(['[]', 'null', '"text"', '7'])('a header of %j', (text) => {
    expect(refusalOf(signer.signParts(encodePart(text), encodePart(goodClaims())))).toBe('malformed')
  })

  it('bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from(claimsAnd('"x":"').slice(0, -1)), Buffer.from([0xff]), Buffer.from('"}')])
    expect(refusalOf(signer.signParts(goodHeader, bytes.toString('base64url')))).toBe('malformed')
  })
})

describe('J16 an audience that only looks like ours', () => {
  it.each([
    ['a prefix', testAudience.slice(0, -1)],
    ['a suffix', testAudience.slice(1)],
    ['ours and more', `${testAudience}/admin`],
    ['ours in a list as text', `["${testAudience}"]`],
    ['ours among others in one text', `https://other ${testAudience}`],
    ['ours with a slash', `${testAudience}/`],
    ['ours in capitals', testAudience.toUpperCase()],
    ['ours after white space', ` ${testAudience}`],
    ['a wildcard', '*'],
    ['a list with ours inside another', ['https://other', `${testAudience},https://other`]],
    ['another service', 'https://api.example.com/inventory'],
    ['the client', 'web'],
  ])('%s', (_, aud) => {
    expect(refusalOf(signer.token({ aud }))).toBe('wrong_audience')
  })
})

describe('J17 members twice, numbers that are none', () => {
  it.each([
    ['exp twice', `"exp":${testNow + 9999}`],
    ['sub twice', '"sub":"usr_other"'],
    ['aud twice, escaped', `"\\u0061ud":"${testAudience}"`],
    ['iss twice', `"iss":"${testIssuer}"`],
    ['twice within', '"extra":{"a":1,"a":2}'],
    ['__proto__', '"__proto__":{"sub":"x"}'],
    ['constructor', '"constructor":{}'],
  ])('%s', (_, more) => {
    expect(refusalOf(withPayload(claimsAnd(more)))).toBe('malformed')
  })

  it('a header member twice', () => {
    const header = encodePart('{"alg":"none","typ":"at+jwt","kid":"key-1","alg":"ES256"}')
    expect(refusalOf(signer.signParts(header, encodePart(goodClaims())))).toBe('malformed')
  })

  it('nested beyond reason', () => {
    const deep = `"deep":${'['.repeat(1000)}${']'.repeat(1000)}`
    expect(refusalOf(withPayload(claimsAnd(deep)))).toBe('malformed')
  })

  const numbers = [
    '"9e99"',
    `"${testNow + 300}"`,
    '-1',
    `${testNow + 300}.5`,
    '1e400',
    '9e99',
    '9007199254740993',
    '1'.repeat(400),
    'null',
    'true',
    '[1]',
    '{}',
  ]
  for (const name of ['exp', 'iat', 'nbf', 'auth_time']) {
    it.each(numbers)(`${name} of %s`, (number) => {
      const { [name]: _left, ...rest } = goodClaims()
      const text = `${JSON.stringify(rest).slice(0, -1)},"${name}":${number}}`
      expect(['bad_claims', 'not_yet_valid']).toContain(refusalOf(withPayload(text)))
    })
  }

  it.each(['NaN', 'Infinity', '0x10', '01', '+1', '1.'])('exp of %s is no JSON', (number) => {
    const { exp: _exp, ...rest } = goodClaims()
    expect(refusalOf(withPayload(`${JSON.stringify(rest).slice(0, -1)},"exp":${number}}`))).toBe('malformed')
  })
})
