import { seconds } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import { checkRequirement, parseRequirement, type Requirement } from './requirement.ts'

const principal = {
  kind: 'user',
  scopes: new Set(['a', 'b']),
  roles: new Set(['clerk']),
  acr: 'strong',
  authTime: 1000,
} as const
const now = seconds(1300)

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
    [{ acr: ['weak', 'strong'] }, undefined],
    [{ acr: ['weak'] }, 'insufficient_sign_in'],
    [{ acr: [] }, 'insufficient_sign_in'],
    [{ maxAge: 300 }, undefined],
    [{ maxAge: 299 }, 'insufficient_sign_in'],
    [{ acr: ['strong'], maxAge: 0 }, 'insufficient_sign_in'],
    [{ acr: ['weak'], scopes: ['c'] }, 'insufficient_scope'],
  ])('%j', (requirement, expected) => {
    expect(checkRequirement(requirement, principal, now)).toBe(expected)
  })

  it('signedIn turns away a client on its own behalf', () => {
    const client = { ...principal, kind: 'client' } as const
    for (const requirement of [{ signedIn: true }, { acr: ['strong'] }, { maxAge: 900 }]) {
      expect(checkRequirement(requirement, client, now)).toBe('not_signed_in')
    }
  })

  it('a token that does not say how or when was not strong and recent', () => {
    const { acr, authTime, ...silent } = principal
    expect([acr, authTime]).toEqual(['strong', 1000])
    expect(checkRequirement({ acr: ['strong'] }, silent, now)).toBe('insufficient_sign_in')
    expect(checkRequirement({ maxAge: 1_000_000 }, silent, now)).toBe('insufficient_sign_in')
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
      { acr: 'strong' },
      { maxAge: '5m' },
      { maxAge: -1 },
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
