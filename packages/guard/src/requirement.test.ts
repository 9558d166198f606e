import { describe, expect, it } from 'vitest'
import { checkRequirement, parseRequirement, type Requirement } from './requirement.ts'

const principal = { kind: 'user', scopes: new Set(['a', 'b']), roles: new Set(['clerk']) } as const

describe('checkRequirement', () => {
  it.each<[Requirement, string | undefined]>([
    [{}, undefined],
    [{ scopes: [] }, undefined],
    [{ scopes: ['a', 'b'] }, undefined],
    [{ scopes: ['a', 'c'] }, 'insufficient_scope'],
    [{ scopes: ['A'] }, 'insufficient_scope'],
    [{ roles: ['admin', 'clerk'] }, undefined],
    [{ roles: ['admin'] }, 'insufficient_role'],
    [{ roles: [] }, 'insufficient_role'],
    [{ scopes: ['a'], roles: ['admin'] }, 'insufficient_role'],
    [{ scopes: ['c'], roles: ['clerk'] }, 'insufficient_scope'],
    [{ signedIn: true }, undefined],
    [{ signedIn: false }, undefined],
  ])('%j', (requirement, expected) => {
    expect(checkRequirement(requirement, principal)).toBe(expected)
  })

  it('signedIn turns away a client on its own behalf', () => {
    expect(checkRequirement({ signedIn: true }, { ...principal, kind: 'client' })).toBe('not_signed_in')
  })
})

describe('parseRequirement', () => {
  it('turns down what is none, so that no typing error opens a door', () => {
    const wrong = [
      { scope: ['a'] },
      { scopes: 'a' },
      { scopes: [1] },
      { roles: 'x' },
      { signedIn: 'yes' },
      { signedin: true },
    ]
    for (const value of wrong) {
      // Callers without types write these.
      expect(() => parseRequirement(value as Requirement)).toThrow(/malformed/)
    }
  })

  it('gives back a copy that later changes do not reach, and knows it again', () => {
    const mine: { scopes: string[]; signedIn?: boolean } = { scopes: ['a'], signedIn: true }
    const parsed = parseRequirement(mine)
    mine.signedIn = false
    expect(parsed.signedIn).toBe(true)
    expect(parseRequirement(parsed)).toBe(parsed)
  })
})
