import { describe, expect, it } from 'vitest'
import { maskEmail, parseEmail } from './email-addresses.ts'

describe('an e-mail address', () => {
  it.each([
    ['alice@example.com', 'alice@example.com', 'alice@example.com'],
    [' Alice.B+tag@Example.COM ', 'Alice.B+tag@Example.COM', 'alice.b+tag@example.com'],
    ['zoë@exämple.de', 'zoë@exämple.de', 'zoë@xn--exmple-cua.de'],
    // One who is written with wide letters is the one with the plain ones: what is mailed is what is compared.
    ['ｖｉｃｔｉｍ@example.com', 'victim@example.com', 'victim@example.com'],
    // A mail program that reads these domains otherwise than they are compared would send to somebody else.
    ['alice@exam\u00adple.com', 'alice@example.com', 'alice@example.com'],
    ['alice@stra\u1e9ee.de', 'alice@strasse.de', 'alice@strasse.de'],
    ['alice@EX\u00c4MPLE.de', 'alice@ex\u00e4mple.de', 'alice@xn--exmple-cua.de'],
  ])('is read: %s', (text, email, canonical) => {
    expect(parseEmail(text)).toEqual({ email, canonical })
  })

  it.each([
    '',
    'alice',
    '@example.com',
    'alice@',
    'alice@localhost',
    'alice@example',
    'alice@127.0.0.1',
    'alice@[127.0.0.1]',
    'a b@example.com',
    '"a b"@example.com',
    'alice@exam ple.com',
    'alice..b@example.com',
    '.alice@example.com',
    'alice@example.com, eve@example.com',
    'alice@example.com\r\nBcc: eve@example.com',
    'alice\r\nBcc: eve@example.com',
    'Alice <alice@example.com>',
    'alice@-example.com',
    'alice@example.com>',
    'ali\u200bce@example.com',
    'ali\u00a0ce@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(250)}.com`,
  ])('is refused: %j', (text) => {
    expect(parseEmail(text)).toBeUndefined()
  })

  it('is shown to others by its first letter and its domain', () => {
    expect(maskEmail('alice@example.com')).toBe('a…@example.com')
  })
})
