import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { SignInFailureRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { limitKey } from '../http/client-address.ts'

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

/** One try at an account, counted before its password is looked at. */
export interface Attempt {
  /** Whether the account may not be tried from here: the caller then answers as for a wrong password, after one hash. */
  readonly locked: boolean
  /** Counts a wrong password against the address and against everyone. */
  failed(): Promise<void>
  /** Forgets the account's failures and remembers the address, inside the sign-in's transaction. */
  succeeded(tables: Tables, user: UserId): Promise<void>
}

/** Counts failed sign-ins. */
export interface Lockout {
  /**
   * Begins a try; `account` is the canonical name, whether it exists or not. Cost: two reads and one write in one batch.
   * The count rises first and falls again on success, so that parallel tries cannot all slip under the limit.
   * Error: `too_many_requests` where the address or everyone is past the limit, before any hash.
   */
  begin(account: string, address: string, user: UserId | undefined): Promise<Attempt>
}

export function createLockout(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  limits: SignInLimits = defaultSignInLimits,
): Lockout {
  /**
   * Forgets what counts for longer than a limit lasts: it began before the clock was set back, and would lock for that long
   * too. Answers with the rest.
   */
  const forgetAhead = async (rows: readonly SignInFailureRow[], keys: Keys): Promise<readonly SignInFailureRow[]> => {
    const now = clock.now()
    const isAhead = ({ key, expires_at }: SignInFailureRow): boolean =>
      limitNames.some((name) => keys[name] === key && expires_at > now + limits[name].within + clockTolerance)
    const ahead = rows.filter(isAhead)
    if (ahead.length > 0) await store.signInFailures.clear(ahead.map(({ key }) => key))
    return rows.filter((row) => !isAhead(row))
  }
  return {
    async begin(account, address, user) {
      const from = limitKey(address)
      const now = clock.now()
      const keys = {
        pair: `password:pair:${account}|${from}`,
        account: `password:account:${account}`,
        address: `password:address:${from}`,
        everyone: 'password:everyone',
      }
      const entry = (name: keyof SignInLimits) => ({
        key: keys[name],
        at: now,
        expires_at: seconds(now + limits[name].within),
      })
      const [wide, familiar] = await Promise.all([
        store.signInFailures.find([keys.address, keys.everyone]),
        user === undefined ? false : store.familiarAddresses.has(user, from, now),
      ])
      for (const row of await forgetAhead(wide, keys)) {
        const isEveryone = row.key === keys.everyone
        const limit = isEveryone ? limits.everyone : limits.address
        if (row.count >= limit.failures && !(isEveryone && familiar)) {
          throw new GatehouseError('too_many_requests', { retryAfter: row.expires_at - now })
        }
      }
      const counted = familiar ? [entry('pair')] : [entry('pair'), entry('account')]
      let rows: readonly SignInFailureRow[] = await store.signInFailures.record(counted)
      if ((await forgetAhead(rows, keys)).length < rows.length) rows = await store.signInFailures.record(counted)
      return {
        locked: rows.some(({ key, count }) => count > (key === keys.pair ? limits.pair : limits.account).failures),
        async failed() {
          await store.signInFailures.record([entry('address'), entry('everyone')])
        },
        async succeeded(tables, id) {
          await Promise.all([
            tables.signInFailures.clear([keys.pair, keys.account]),
            tables.familiarAddresses.remember({ user_id: id, address: from, expires_at: seconds(now + familiarFor) }),
          ])
        },
      }
    },
  }
}
