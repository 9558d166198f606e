import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { FactorRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { TOTP } from 'otpauth'
import { type AddedFactor, addFactor, factorName } from './add-factor.ts'
import { recordEvent } from './audit.ts'
import type { KeyRing } from './key-rings.ts'
import type { Notices } from './notices.ts'
import { hashRecoveryCode, newBase32, replaceRecoveryCodes } from './recovery-codes.ts'
import { sealUnder, unsealUnder } from './ring-sealing.ts'
import { createTryLimit } from './try-limit.ts'
import type { Actor } from './users.ts'

/** Ways to show a second factor by typing a code. */
export const codeMethods = ['totp', 'recovery_code'] as const
export type CodeMethod = (typeof codeMethods)[number]

/** Every way to show a second factor, the best first. */
export const factorMethods = ['passkey', ...codeMethods] as const
export type FactorMethod = (typeof factorMethods)[number]

/**
 * What a method is called in `amr`. Spec: RFC 8176 section 2; `pop`, a key that may lie in hardware or not, is that of OpenID
 * Connect EAP ACR Values section 5; a recovery code has no registered name.
 */
export const amrOf: Readonly<Record<FactorMethod, string>> = { passkey: 'pop', totp: 'otp', recovery_code: 'rc' }

/** A secret that is being set up in an authenticator app. */
export interface TotpSecret {
  /** Base32, as people type it. */
  readonly text: string
  /** What the QR code says. */
  readonly uri: string
}

/** Second factors: what there is of them, authenticator apps, and recovery codes. */
export interface SecondFactors {
  list(user: UserId): Promise<readonly FactorRow[]>
  /** By which methods a user can show a second factor; empty where they have none. Cost: one or two reads. */
  methodsOf(user: UserId): Promise<readonly FactorMethod[]>
  /**
   * Checks a code and uses it up; false for a wrong one, and for one that was used. Error: `too_many_requests` after five
   * wrong ones within five minutes or a hundred within a day, whatever is typed then. Cost: some reads and one or two writes.
   */
  check(user: UserId, method: CodeMethod, code: string): Promise<boolean>
  /** A secret for an authenticator app, new unless one is given; nothing is kept. */
  secretFor(user: Pick<UserRow, 'username'>, secret?: string): Promise<TotpSecret>
  /**
   * Adds the app once a code shows that it has the secret; the first one comes with recovery codes, which are told once.
   * Error: `invalid_credentials` for a wrong code.
   */
  enrol(enrolment: Enrolment, by: Actor): Promise<AddedFactor>
  /**
   * Removes a factor; with the last one the recovery codes go too. False where `holding` says that it must stay. Errors:
   * `not_found`, and what `holding` throws.
   */
  remove(
    factor: { readonly user: UserId; readonly id: string; readonly holding: (tables: Tables) => Promise<boolean> },
    by: Actor,
  ): Promise<boolean>
  /** New recovery codes in the place of the old ones. */
  renewRecoveryCodes(user: UserId, by: Actor): Promise<readonly string[]>
  recoveryCodesLeft(user: UserId): Promise<number>
}

/** What is needed to add an authenticator app. */
export interface Enrolment {
  readonly user: Pick<UserRow, 'id' | 'username'>
  /** Base32. */
  readonly secret: string
  readonly code: string
  readonly name: string
  /** Holds, in the same transaction and before all else, what the right to add it rests on. */
  readonly hold: (tables: Tables) => Promise<void>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
  readonly notices: Notices
  /** What an app calls this service. */
  readonly issuerName: string
}

/**
 * Wrong codes of a user, and within how many seconds. Spec: ASVS 6.6.3, NIST SP 800-63B-4 section 3.2.2; counters apart from
 * the password's. Threat: somebody with the password who guesses slowly, for months.
 */
const limits = { wrong: 5, within: 300 }
const dailyLimits = { wrong: 100, within: 86_400 }
/** Seconds of a time step. Spec: RFC 6238 section 5.2. */
const period = 30
/** Time steps before and after the present one whose codes count. */
const window = 1

const placeOf = (id: string): string => `factors.sealed_secret:${id}`

export function createSecondFactors({ store, clock, ring, notices, issuerName }: Dependencies): SecondFactors {
  const tries = createTryLimit({ store, clock }, limits)
  const triesOfDay = createTryLimit({ store, clock }, dailyLimits)

  const totpOf = async (secret: string, label = ''): Promise<TOTP> => {
    // Loaded when it is used: a start need not wait for it.
    const { Secret, TOTP } = await import('otpauth')
    return new TOTP({
      issuer: issuerName,
      label,
      secret: Secret.fromBase32(secret),
      period,
      digits: 6,
      algorithm: 'SHA1',
    })
  }
  /** The time step whose code this is; undefined where it is none of those that count. */
  const findStep = async (secret: string, code: string): Promise<number | undefined> => {
    if (!/^\d{6}$/.test(code)) return undefined
    const timestamp = clock.milliseconds()
    const delta = (await totpOf(secret)).validate({ token: code, timestamp, window })
    return delta === null ? undefined : Math.floor(timestamp / 1000 / period) + delta
  }
  const openSecret = (row: FactorRow): string | undefined => {
    return unsealUnder(ring, row.sealed_secret ?? '', placeOf(row.id))
  }
  const checkTotp = async (user: UserId, code: string): Promise<boolean> => {
    for (const row of await store.factors.listByUser(user)) {
      const secret = row.kind === 'totp' ? openSecret(row) : undefined
      const step = secret === undefined ? undefined : await findStep(secret, code)
      if (step !== undefined && (await store.factors.useStep({ id: row.id, step, at: clock.now() }))) return true
    }
    return false
  }

  return {
    list: (user) => store.factors.listByUser(user),
    recoveryCodesLeft: (user) => store.recoveryCodes.count(user),

    async methodsOf(user) {
      const kinds = new Set((await store.factors.listByUser(user)).map(({ kind }) => kind))
      if (kinds.size === 0) return []
      const hasCodes = (await store.recoveryCodes.count(user)) > 0
      return factorMethods.filter((method) => (method === 'recovery_code' ? hasCodes : kinds.has(method)))
    },

    async check(user, method, code) {
      const attempt = async (): Promise<true | undefined> => {
        const isRight =
          method === 'totp'
            ? await checkTotp(user, code.replaceAll(/\s/g, ''))
            : await store.recoveryCodes.consume(user, hashRecoveryCode(user, code))
        return isRight || undefined
      }
      const found = await triesOfDay.limited([`second-factor:day:${user}`], () =>
        tries.limited([`second-factor:${user}`], attempt),
      )
      return found ?? false
    },

    async secretFor({ username }, secret) {
      const text = secret ?? (await newBase32(20))
      return { text, uri: (await totpOf(text, username)).toString() }
    },

    async enrol({ user, secret, code, name, hold }, by) {
      const step = await findStep(secret, code.replaceAll(/\s/g, ''))
      if (step === undefined) throw new GatehouseError('invalid_credentials', { description: 'The code is not right' })
      const id = randomToken(12)
      const sealed_secret = sealUnder(ring, secret, placeOf(id))
      const row: FactorRow = {
        ...{ id, user_id: user.id, kind: 'totp', name: factorName(name, 'Authenticator app'), sealed_secret },
        ...{ credential_id: null, public_key: null, sign_count: 0, transports: '', backed_up: 0, last_step: step },
        ...{ created_at: clock.now(), last_used_at: null },
      }
      return store.transaction(async (tables) => {
        await hold(tables)
        return addFactor({ clock, notices }, tables, row, by)
      })
    },

    async remove({ user, id, holding }, by) {
      return store.transaction(async (tables) => {
        if (!(await holding(tables))) return false
        const factors = await tables.factors.listByUser(user)
        const removed = factors.find((factor) => factor.id === id)
        if (!removed || !(await tables.factors.delete(user, id))) throw new GatehouseError('not_found')
        await notices.tell(tables, 'factor_removed', { user, what: removed.name, by })
        const left = factors.filter((factor) => factor.id !== id)
        if (left.length === 0) {
          await tables.recoveryCodes.replace({ user_id: user, hashes: [], at: clock.now() })
          await tables.rememberedDevices.deleteByUser(user)
        }
        await recordEvent(tables, clock, { type: 'factor_removed', result: 'ok', target: user, ...by })
        return true
      })
    },

    async renewRecoveryCodes(user, by) {
      return store.transaction(async (tables) => {
        const codes = await replaceRecoveryCodes(tables, clock, user)
        await notices.tell(tables, 'recovery_codes_renewed', { user, by })
        await recordEvent(tables, clock, { type: 'recovery_codes_renewed', result: 'ok', target: user, ...by })
        return codes
      })
    },
  }
}
