import { hash, randomInt } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'
import { createTryLimit } from './try-limit.ts'

/** No vowels, so that no code is a word, and nothing that looks like a digit. Spec: RFC 8628 section 6.1. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const codeLength = 8
const format = new RegExp(`^[${letters}]{${codeLength}}$`)

/** A new user code: 8 of 20 letters, 34 bits. */
export const newUserCode = (): string =>
  Array.from({ length: codeLength }, () => letters[randomInt(letters.length)]).join('')

/** A user code as people are shown it: XXXX-XXXX. */
export const showUserCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`

/** A user code as somebody has typed it, in either case and with any dashes or spaces; `undefined` for what is none. */
export function parseUserCode(text: string): string | undefined {
  const code = text
    .slice(0, 100)
    .replaceAll(/[\s\p{P}]/gu, '')
    .toUpperCase()
  return format.test(code) ? code : undefined
}

/** What the store knows a user code by. */
export const hashUserCode = (code: string): string => hash('sha256', code, 'base64url')

/** Wrong user codes that one address, or one browser, may try, and within how many seconds. Spec: RFC 8628 section 5.1. */
const limits = { wrong: 5, within: 300 }

/** Who tries a user code. */
export interface UserCodeTrier {
  readonly address: string
  /** The hash of the browser's cookie, where it has one. */
  readonly browser: string | undefined
}

/** Limits how often user codes can be guessed. */
export interface UserCodeLimit {
  /**
   * Looks a code up; what is not found counts as a wrong try. See domain/try-limit for cost and errors.
   */
  limited<T>(trier: UserCodeTrier, lookUp: () => Promise<T | undefined>): Promise<T | undefined>
}

export function createUserCodeLimit(dependencies: {
  readonly store: Pick<Store, 'signInFailures'>
  readonly clock: Clock
}): UserCodeLimit {
  const limit = createTryLimit(dependencies, limits)
  return {
    limited({ address, browser }, lookUp) {
      const keys = [`user-code:address:${limitKey(address)}`]
      if (browser !== undefined) keys.push(`user-code:browser:${browser}`)
      return limit.limited(keys, lookUp)
    },
  }
}
