import { describe, expect, it } from 'vitest'
import { parseImportedHash } from './imported-hashes.ts'

const bcrypt = (cost: string) => `$2b$${cost}$${'a'.repeat(53)}`
const key = 'A'.repeat(43)

// That what is accepted is also checked rightly, first-party/login.test.ts shows.
describe('a hash from another system', () => {
  it('is accepted up to a cost that one sign-in may have, and no further', () => {
    const pairs = [
      [bcrypt('16'), bcrypt('17')],
      [`$scrypt$ln=19,r=8,p=1$c2FsdA$${key}`, `$scrypt$ln=20,r=8,p=1$c2FsdA$${key}`],
      [`$pbkdf2-sha256$10000000$c2FsdA$${key}`, `$pbkdf2-sha256$10000001$c2FsdA$${key}`],
      [`pbkdf2_sha256$10000000$salt$${key}`, `pbkdf2_sha256$10000001$salt$${key}`],
    ] as const
    for (const [accepted, refused] of pairs) {
      expect(parseImportedHash(accepted), accepted).toBeDefined()
      expect(parseImportedHash(refused), refused).toBeUndefined()
    }
  })

  it('brings no bytes along but its own', () => {
    const stored = parseImportedHash(`$pbkdf2-sha256$i=1000$c2FsdA$${key}`)
    if (stored?.kind !== 'pbkdf2') throw new Error('not understood')
    expect([stored.salt.buffer.byteLength, stored.expected.buffer.byteLength]).toEqual([4, 32])
  })
})
