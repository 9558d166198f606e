import { maskEmail, parseEmail } from '@gatehouse/auth/domain/email-addresses'
import { signInNames } from '@gatehouse/auth/domain/users'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.emailAddress(),
  fc.tuple(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.domain()).map(([local, domain]) => `${local}@${domain}`),
)

describe('an e-mail address', () => {
  it('that is read has one spelling, nothing that ends a header, and one mailbox', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const address = parseEmail(text)
        if (!address) return
        expect(parseEmail(address.canonical)).toEqual({ email: address.canonical, canonical: address.canonical })
        expect(parseEmail(address.email)?.canonical).toBe(address.canonical)
        expect(address.email).not.toMatch(/[\s\p{Cc},;:<>()[\]"\\]/u)
        // What is mailed is what is compared, but for the case and the form of the domain.
        const local = address.email.slice(0, address.email.lastIndexOf('@'))
        expect(address.canonical.startsWith(`${local.toLowerCase()}@`)).toBe(true)
        expect(maskEmail(address.email)).toContain('@')
      }),
      { numRuns: 2000 },
    )
  })

  it('is found by whatever it is typed as', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const address = parseEmail(text)
        if (!address) return
        for (const typed of [text, text.toUpperCase(), ` ${text} `]) {
          expect(signInNames(typed)?.email).toBe(address.canonical)
        }
      }),
    )
  })

  it('is read in time that grows with its length alone', () => {
    for (const text of [
      'a'.repeat(1e6),
      `${'a.'.repeat(1e5)}@`,
      `a@${'a-'.repeat(120)}!`,
      `a@${'a'.repeat(60)}.`.repeat(4),
    ]) {
      const started = performance.now()
      parseEmail(text)
      expect(performance.now() - started).toBeLessThan(50)
    }
  })
})
