import { hash } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { SignInFailureRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'
import { AttemptGate } from './attempt-gate.ts'

/** A limit: so many failures within so many seconds of the first. */
interface Limit {
  readonly failures: number
  readonly within: number
}

/**
 * The limits on password sign-in. Spec: NIST SP 800-63B-4 section 3.2.2.
 * - `pair`: one account from one address;
 * - `account`: one account from addresses that it has never signed in from; where it has, only `pair` counts, so that
 *   strangers cannot lock the owner out;
 * - `address`: one address (an IPv6 /64) over all accounts, against the same password tried on many;
 * - `everyone`: all failures together; past it, only familiar addresses may try.
 */
export interface SignInLimits {
  readonly pair: Limit
  readonly account: Limit
  readonly address: Limit
  readonly everyone: Limit
}

export const defaultSignInLimits: SignInLimits = {
  pair: { failures: 10, within: 900 },
  account: { failures: 100, within: 86_400 },
  address: { failures: 60, within: 900 },
  everyone: { failures: 3000, within: 60 },
}

const limitNames = ['pair', 'account', 'address', 'everyone'] as const satisfies readonly (keyof SignInLimits)[]
/** Seconds that the clocks of two processes may lie apart. */
const clockTolerance = 60
/** Under which key each limit counts. */
type Keys = Readonly<Record<keyof SignInLimits, string>>

/** Seconds for which an address stays familiar after a sign-in (90 days). */
const familiarFor = 7_776_000

/** One try at an account. */
export interface Attempt {
  /** Whether the account may not be tried from here: the caller then answers as for a wrong password, after one hash. */
  readonly locked: boolean
  /** Counts a failure against the account, the address and everyone. */
  failed(): Promise<void>
  /** Forgets the account's failures and remembers the address, inside the sign-in's transaction. */
  succeeded(tables: Tables, user: UserId): Promise<void>
  /** The try is over, however it ended: others that wait for it may go on. Must be called. */
  end(): void
}

/** Counts failed sign-ins. */
export interface Lockout {
  /**
   * Begins a try; `account` is the canonical name, whether it exists or not, and `user` who it turns out to be. Cost: one
   * read. So many tries run at a time as may still fail, so that parallel ones cannot all slip under a limit.
   * Errors: `too_many_requests` where the address or everyone is past the limit, before any hash;
   * `temporarily_unavailable` where too many wait for each other.
   */
  begin(account: string, address: string, user: Promise<UserId | undefined>): Promise<Attempt>
}

/** Tries that may wait for others of the same account or address. */
const mayWait = 500

interface Try {
  readonly keys: Keys
  readonly from: string
  readonly user: Promise<UserId | undefined>
}

export function createLockout(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  limits: SignInLimits = defaultSignInLimits,
): Lockout {
  const gate = new AttemptGate(mayWait)

  /**
   * The failures that count. What counts for longer than a limit lasts began before the clock was set back, would lock for
   * that long too, and is forgotten.
   */
  const readCounts = async (
    keys: Keys,
  ): Promise<Readonly<Record<keyof SignInLimits, SignInFailureRow | undefined>>> => {
    const now = clock.now()
    const rows = await store.signInFailures.find(limitNames.map((name) => keys[name]))
    const isAhead = ({ key, expires_at }: SignInFailureRow): boolean =>
      limitNames.some((name) => keys[name] === key && expires_at > now + limits[name].within + clockTolerance)
    const ahead = rows.filter(isAhead)
    if (ahead.length > 0) await store.signInFailures.clear(ahead.map(({ key }) => key))
    const find = (name: keyof SignInLimits) => rows.find((row) => row.key === keys[name] && !isAhead(row))
    return { pair: find('pair'), account: find('account'), address: find('address'), everyone: find('everyone') }
  }

  // An unknown account is looked up as well, so that a known one does not take longer.
  const isFamiliar = async ({ user, from }: Try): Promise<boolean> =>
    store.familiarAddresses.has((await user) ?? ('usr_unknown' as UserId), from, clock.now())

  /** Decides once: locked out, entered, or the key under which to wait for others. */
  const tryToEnter = async (one: Try): Promise<'locked' | 'entered' | { readonly full: string }> => {
    const { keys } = one
    const counts = await readCounts(keys)
    const isOver = (name: keyof SignInLimits): boolean => (counts[name]?.count ?? 0) >= limits[name].failures
    const isShut = isOver('everyone') && !isOver('address') && !(await isFamiliar(one))
    const tooMany = isOver('address') ? counts.address : isShut ? counts.everyone : undefined
    if (tooMany) throw new GatehouseError('too_many_requests', { retryAfter: tooMany.expires_at - clock.now() })
    if (isOver('pair') || (isOver('account') && !(await isFamiliar(one)))) return 'locked'
    const room = (name: 'pair' | 'address') => ({
      key: keys[name],
      room: limits[name].failures - (counts[name]?.count ?? 0),
    })
    const full = gate.enter([room('pair'), room('address')])
    return full === undefined ? 'entered' : { full }
  }

  /** Whether the try is locked out; where it is not, waits until it may run beside others. */
  const enter = async (one: Try): Promise<'locked' | 'entered'> => {
    let outcome = await tryToEnter(one)
    while (typeof outcome === 'object') {
      const { full } = outcome
      await gate.waitFor(full)
      let again: typeof outcome | undefined
      try {
        outcome = await tryToEnter(one)
        again = typeof outcome === 'object' ? outcome : undefined
      } finally {
        if (again === undefined) gate.wake(full)
      }
    }
    return outcome
  }

  const recordFailure = async (one: Try): Promise<void> => {
    const now = clock.now()
    // An address that the account is known to come from counts for that address alone.
    const names = limitNames.filter((name) => name !== 'account')
    const counted = (await isFamiliar(one)) ? names : limitNames
    await store.signInFailures.record(
      counted.map((name) => ({ key: one.keys[name], at: now, expires_at: seconds(now + limits[name].within) })),
    )
  }

  return {
    async begin(account, address, user) {
      const from = limitKey(address)
      // What is typed as a user name may be a password: it is kept nowhere in clear.
      const typed = hash('sha256', account, 'base64url')
      const keys = {
        pair: `password:pair:${typed}|${from}`,
        account: `password:account:${typed}`,
        address: `password:address:${from}`,
        everyone: 'password:everyone',
      }
      const one: Try = { keys, from, user }
      const entered = (await enter(one)) === 'entered'
      let isOver = false
      return {
        locked: !entered,
        failed: () => recordFailure(one),
        async succeeded(tables, id) {
          await Promise.all([
            tables.signInFailures.clear([keys.pair, keys.account]),
            tables.familiarAddresses.remember({
              user_id: id,
              address: from,
              expires_at: seconds(clock.now() + familiarFor),
            }),
          ])
        },
        end() {
          if (entered && !isOver) gate.leave([keys.pair, keys.address])
          isOver = true
        },
      }
    },
  }
}
