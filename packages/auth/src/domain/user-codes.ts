import { hash, randomInt } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'
import { AttemptGate } from './attempt-gate.ts'

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

/** Wrong user codes that one address, or one browser, may try within {@link triesWithin}. Spec: RFC 8628 section 5.1. */
const wrongTries = 5
/** Seconds for which a wrong try counts. */
const triesWithin = 300
/** Seconds that the clocks of two processes may lie apart. */
const clockTolerance = 60
/** Tries that may wait for others of the same address. */
const mayWait = 100

/** Who tries a user code. */
export interface UserCodeTrier {
  readonly address: string
  /** The hash of the browser's cookie, where it has one. */
  readonly browser: string | undefined
}

/** Limits how often user codes can be guessed. */
export interface UserCodeLimit {
  /**
   * Looks a code up; what is not found counts as a wrong try. No more look-ups run at a time than may still fail, so that
   * parallel guesses cannot all slip under the limit. Cost: one read, and one write for a wrong try.
   * Errors: `too_many_requests`, `temporarily_unavailable` where too many wait for each other.
   */
  limited<T>(trier: UserCodeTrier, lookUp: () => Promise<T | undefined>): Promise<T | undefined>
}

export function createUserCodeLimit({
  store,
  clock,
}: {
  readonly store: Pick<Store, 'signInFailures'>
  readonly clock: Clock
}): UserCodeLimit {
  const gate = new AttemptGate(mayWait)

  /** Enters, or answers with the key under which to wait for others. */
  const tryToEnter = async (keys: readonly string[]): Promise<string | undefined> => {
    const now = clock.now()
    const rows = await store.signInFailures.find(keys)
    // What lasts for longer than it may began before the clock was set back.
    const counted = rows.filter((row) => row.expires_at <= now + triesWithin + clockTolerance)
    if (counted.length < rows.length) {
      await store.signInFailures.clear(rows.filter((row) => !counted.includes(row)).map(({ key }) => key))
    }
    const over = counted.find((row) => row.count >= wrongTries)
    if (over) throw new GatehouseError('too_many_requests', { retryAfter: over.expires_at - now })
    const countOf = (key: string): number => counted.find((row) => row.key === key)?.count ?? 0
    return gate.enter(keys.map((key) => ({ key, room: wrongTries - countOf(key) })))
  }

  const enter = async (keys: readonly string[]): Promise<void> => {
    let full = await tryToEnter(keys)
    while (full !== undefined) {
      const waitedFor: string = full
      await gate.waitFor(waitedFor)
      full = undefined
      try {
        full = await tryToEnter(keys)
      } finally {
        if (full === undefined) gate.wake(waitedFor)
      }
    }
  }

  return {
    async limited({ address, browser }, lookUp) {
      const keys = [`user-code:address:${limitKey(address)}`]
      if (browser !== undefined) keys.push(`user-code:browser:${browser}`)
      await enter(keys)
      try {
        const found = await lookUp()
        if (found === undefined) {
          const at = clock.now()
          await store.signInFailures.record(keys.map((key) => ({ key, at, expires_at: seconds(at + triesWithin) })))
        }
        return found
      } finally {
        gate.leave(keys)
      }
    },
  }
}
