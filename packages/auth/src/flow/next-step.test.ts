import { describe, expect, it } from 'vitest'
import { nameFactors, nextStep, type ProvenFactors } from './next-step.ts'

const judge = (amr: readonly string[], more: Partial<ProvenFactors> = {}) =>
  nextStep({ status: 'active' }, { amr, methods: [], isRemembered: false, isRequired: false, ...more })

describe('what a passkey is worth', () => {
  it('is two factors where it has checked who holds it, whatever else there is or must be', () => {
    for (const more of [
      {},
      { isRequired: true },
      { methods: ['totp'] as const },
      { isRequired: true, isRemembered: true },
    ]) {
      expect(judge(['pop', 'user', 'mfa'], more)).toEqual({ step: 'issue', acr: '2' })
    }
  })

  it('is one where it has not: enough beside a password, and beside nothing else', () => {
    expect(judge(['pwd', 'pop', 'user'])).toEqual({ step: 'issue', acr: '2' })
    expect(judge(['pop', 'user'])).toEqual({ step: 'refuse', why: 'user_not_verified' })
    expect(judge(['pop', 'user', 'otp'])).toEqual({ step: 'refuse', why: 'user_not_verified' })
    expect(judge(['user'])).toEqual({ step: 'refuse', why: 'user_not_verified' })
  })

  it('is asked for after a password where the user has one', () => {
    expect(judge(['pwd'], { methods: ['passkey'] })).toEqual({ step: 'factor', methods: ['passkey'] })
    expect(judge(['pwd'], { methods: ['passkey'], isRemembered: true })).toEqual({ step: 'issue', acr: '1' })
  })

  it('changes nothing for an account that is disabled', () => {
    const proven = { amr: ['pop', 'user', 'mfa'], methods: [], isRemembered: false, isRequired: false }
    expect(nextStep({ status: 'disabled' }, proven)).toEqual({ step: 'refuse', why: 'account_disabled' })
  })
})

describe('the names of methods', () => {
  it('say of several factors that they are, once and at the end', () => {
    expect(nameFactors(['pwd', 'otp'])).toEqual(['pwd', 'otp', 'mfa'])
    expect(nameFactors(['pwd', 'pop', 'user', 'mfa', 'pop'])).toEqual(['pwd', 'pop', 'user', 'mfa'])
    expect(nameFactors(['pop', 'user', 'mfa', 'otp'])).toEqual(['pop', 'user', 'otp', 'mfa'])
    expect(nameFactors(['pop', 'user'])).toEqual(['pop', 'user'])
    expect(nameFactors(['pwd'])).toEqual(['pwd'])
  })
})
