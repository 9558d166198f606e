import { hash } from 'node:crypto'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, clockTolerance, formatMoment, seconds } from '@gatehouse/core/time'
import type { SignInFailureRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { createAddressLimit } from '../http/address-limit.ts'
import { limitKey } from '../http/client-address.ts'
import { AttemptGate, type Room } from './attempt-gate.ts'

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
 * - `unjudged`: one address over all accounts, for tries of which a provider that is failing has not said that they are wrong:
 *   wide enough for an office during an outage, and an end to the same password tried on many;
 * - `everyone`: all failures together; past it, only familiar addresses may try.
 */
export interface SignInLimits {
  readonly pair: Limit
  readonly account: Limit
  readonly address: Limit
  readonly unjudged: Limit
  readonly everyone: Limit
}

export const defaultSignInLimits: SignInLimits = {
  pair: { failures: 10, within: 900 },
  account: { failures: 100, within: 86_400 },
  address: { failures: 60, within: 900 },
  unjudged: { failures: 300, within: 900 },
  everyone: { failures: 3000, within: 60 },
}

const limitNames = [
  'pair',
  'account',
  'address',
  'unjudged',
  'everyone',
] as const satisfies readonly (keyof SignInLimits)[]
/** The limits that parallel tries must not slip under. */
const gated = ['pair', 'address', 'unjudged'] as const satisfies readonly (keyof SignInLimits)[]
/** Under which key each limit counts. */
type Keys = Readonly<Record<keyof SignInLimits, string>>

/**
 * Tries of one address in a minute while a provider is away: that no provider has heard, so that nobody has guessed anything, but each
 * has cost a hash; and all others, so that the limit does not tell who has a password here. Wide enough for some hundred people
 * who come to work during an outage.
 */
const unjudgedPerMinute = 600

/** Seconds for which an address stays familiar after a sign-in (90 days). */
const familiarFor = 7_776_000

/** Why an account may not be tried from an address. */
export interface Lock {
  readonly until: Seconds
  /** In words, for those who run the place alone. */
  readonly says: string
}

/** One try at an account. */
export interface Attempt {
  /** Where the account may not be tried from here, why: the caller then answers as for a wrong password, after one hash. */
  readonly lock: Lock | undefined
  /**
   * The try has turned out to be at an account that may have been tried by other names: what locks that one. From now on the try
   * counts there as well, by `pair` and `account`, and only so many run at a time as may still fail there. Cost: one read. Errors:
   * as for {@link Lockout.begin}. Threat: guesses at a directory by each name that leads to one entry.
   */
  isAt(account: string, user: Promise<UserId | undefined>): Promise<Lock | undefined>
  /** Counts a wrong password against the account, the address and everyone. */
  failed(): Promise<void>
  /**
   * Counts a password of which nobody can say whether it was right; `mayBeWrong`: somebody who judges passwords has heard it, and
   * the account counts it, and the address by a wider limit. Threat: guesses at a provider that fails for wrong passwords, or at one while
   * another is away. All of them count for the address, by a limit on hashes, and what nobody has heard for nothing else: an outage locks
   * nobody out.
   */
  unjudged(mayBeWrong: boolean): Promise<void>
  /**
   * Forgets the account's failures and remembers the address, inside the sign-in's transaction. Of accounts elsewhere the last that
   * the try was at is who has signed in. Threat: guesses at somebody else who has the same name there, forgotten each time.
   */
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

/** From where the failures came that count against each limit, as it is told. */
const fromWhere: Readonly<Record<keyof SignInLimits, string>> = {
  pair: ' from this address',
  account: ' from addresses that it has never signed in from',
  address: ' from this address for any accounts',
  unjudged: ' from this address for any accounts, or passwords that a provider gave no answer to',
  everyone: ' for any accounts, where the account has never signed in from',
}

/** Under which keys failures of an account count; `pairs` goes on with an address. */
function keysOf(account: string): { readonly account: string; readonly pairs: string } {
  // What is typed as a user name may be a password: it is kept nowhere in clear.
  const typed = hash('sha256', account, 'base64url')
  return { account: `password:account:${typed}`, pairs: `password:pair:${typed}|` }
}

/** What stands in place of a canonical name for somebody whom a provider knows. No canonical name has a line feed. */
export const outsideAccount = (provider: string, subject: string): string => `${provider}\n${subject}`

/**
 * Lets a user be tried again from everywhere, in every process, whatever failures there were, here and as whom providers know
 * them: what counts against addresses over all accounts stays. Cost: three statements, and two for each link.
 */
export async function unlockAccount(
  { signInFailures, linkedIdentities }: Pick<Tables, 'signInFailures' | 'linkedIdentities'>,
  { id, username_canonical }: Pick<UserRow, 'id' | 'username_canonical'>,
): Promise<void> {
  const links = await linkedIdentities.listByUser(id)
  const outside = links.map(({ provider, subject }) => outsideAccount(provider, subject))
  for (const keys of [username_canonical, ...outside].map(keysOf)) {
    // In the order of the keys, as they are counted.
    await signInFailures.clear([keys.account])
    await signInFailures.clearBeginningWith(keys.pairs)
  }
}

const mustWait = (outcome: Lock | 'entered' | { readonly full: Room }): outcome is { readonly full: Room } =>
  typeof outcome === 'object' && 'full' in outcome

interface Try {
  readonly keys: Partial<Keys>
  readonly from: string
  readonly user: Promise<UserId | undefined>
}

export function createLockout(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  limits: SignInLimits = defaultSignInLimits,
): Lockout {
  const gate = new AttemptGate(mayWait)
  const tries = createAddressLimit(clock, unjudgedPerMinute)

  /**
   * The failures that count. What counts for longer than a limit lasts began before the clock was set back, would lock for
   * that long too, and is forgotten.
   */
  const readCounts = async (
    keys: Partial<Keys>,
  ): Promise<Readonly<Record<keyof SignInLimits, SignInFailureRow | undefined>>> => {
    const now = clock.now()
    const rows = await store.signInFailures.find(Object.values(keys))
    const isAhead = ({ key, expires_at }: SignInFailureRow): boolean =>
      limitNames.some((name) => keys[name] === key && expires_at > now + limits[name].within + clockTolerance)
    const ahead = rows.filter(isAhead)
    if (ahead.length > 0) await store.signInFailures.clear(ahead.map(({ key }) => key))
    const find = (name: keyof SignInLimits) => rows.find((row) => row.key === keys[name] && !isAhead(row))
    return {
      ...{ pair: find('pair'), account: find('account') },
      ...{ address: find('address'), unjudged: find('unjudged'), everyone: find('everyone') },
    }
  }

  // An unknown account is looked up as well, so that a known one does not take longer.
  const isFamiliar = async ({ user, from }: Try): Promise<boolean> =>
    store.familiarAddresses.has((await user) ?? ('usr_unknown' as UserId), from, clock.now())

  const describe = (name: keyof SignInLimits, until: Seconds): string => {
    const passwords = `${limits[name].failures} wrong passwords${fromWhere[name]}`
    return `locked until ${formatMoment(until)} after ${passwords}`
  }

  /** Decides once: locked out, entered, or where to wait for others. */
  const tryToEnter = async (one: Try): Promise<Lock | 'entered' | { readonly full: Room }> => {
    const { keys } = one
    const counts = await readCounts(keys)
    const isOver = (name: keyof SignInLimits): boolean => (counts[name]?.count ?? 0) >= limits[name].failures
    const ofAddress = (['address', 'unjudged'] as const).find(isOver)
    const isShut = !ofAddress && isOver('everyone') && !(await isFamiliar(one))
    const shut = ofAddress ?? (isShut ? 'everyone' : undefined)
    const tooMany = shut && counts[shut]
    if (shut && tooMany) {
      const cause = new Error(describe(shut, tooMany.expires_at))
      throw new GatehouseError('too_many_requests', { retryAfter: tooMany.expires_at - clock.now(), cause })
    }
    const lockBy = (name: 'pair' | 'account'): Lock | undefined => {
      const until = isOver(name) ? counts[name]?.expires_at : undefined
      return until === undefined ? undefined : { until, says: describe(name, until) }
    }
    const [ofPair, ofAccount] = [lockBy('pair'), lockBy('account')]
    const everywhere = ofAccount && !(await isFamiliar(one)) ? ofAccount : undefined
    // The one that lasts longer: who waits for the other is still locked out.
    const lock = ofPair && everywhere ? (ofPair.until > everywhere.until ? ofPair : everywhere) : (ofPair ?? everywhere)
    if (lock) return lock
    const full = gate.enter(
      gated.flatMap((name) => {
        const key = keys[name]
        return key === undefined ? [] : [{ key, room: limits[name].failures - (counts[name]?.count ?? 0) }]
      }),
    )
    return full === undefined ? 'entered' : { full }
  }

  /** What locks the try out; where nothing does, waits until it may run beside others. */
  const enter = async (one: Try): Promise<Lock | undefined> => {
    const since = performance.now()
    let outcome = await tryToEnter(one)
    while (mustWait(outcome)) {
      const { full } = outcome
      await gate.waitFor(full, since)
      let waitsOn = false
      try {
        outcome = await tryToEnter(one)
        // Full under another key: whoever waits under this one may find room.
        waitsOn = mustWait(outcome) && outcome.full.key === full.key
      } finally {
        if (!waitsOn) gate.wake(full.key)
      }
    }
    return outcome === 'entered' ? undefined : outcome
  }

  const recordFailure = async (one: Try, against: readonly (typeof limitNames)[number][]): Promise<void> => {
    const now = clock.now()
    // An address that the account is known to come from counts for that address alone.
    const isKnown = await isFamiliar(one)
    const counted = against.filter((name) => name !== 'account' || !isKnown)
    await store.signInFailures.record(
      counted.flatMap((name) => {
        const key = one.keys[name]
        return key === undefined ? [] : [{ key, at: now, expires_at: seconds(now + limits[name].within) }]
      }),
    )
  }
  const leave = ({ keys }: Try): void => gate.leave(gated.map((name) => keys[name]).filter((key) => key !== undefined))

  return {
    async begin(account, address, user) {
      if (tries.isOver(address)) {
        const cause = new Error(`${unjudgedPerMinute} tries in a minute from this address while a provider was away`)
        throw new GatehouseError('too_many_requests', { retryAfter: tries.retryAfter, cause })
      }
      const from = limitKey(address)
      const ofAccount = keysOf(account)
      const keys = {
        pair: ofAccount.pairs + from,
        account: ofAccount.account,
        address: `password:address:${from}`,
        unjudged: `password:unjudged:${from}`,
        everyone: 'password:everyone',
      }
      const one: Try = { keys, from, user }
      const lock = await enter(one)
      /** Under what it counts, and of that what it has entered. */
      const counted = [one]
      const entered = lock ? [] : [one]
      const record = async (against: readonly (typeof limitNames)[number][]): Promise<void> => {
        for (const at of counted) await recordFailure(at, against)
      }
      return {
        lock,
        async isAt(other, holder) {
          const of = keysOf(other)
          const at: Try = { keys: { pair: of.pairs + from, account: of.account }, from, user: holder }
          const found = await enter(at)
          counted.push(at)
          if (!found) entered.push(at)
          return found
        },
        failed: () => record(['pair', 'account', 'address', 'everyone']),
        async unjudged(mayBeWrong) {
          tries.count(address)
          if (mayBeWrong) await record(['pair', 'account', 'unjudged', 'everyone'])
        },
        async succeeded(tables, id) {
          const signedIn = new Set([one, counted.at(-1) ?? one])
          await Promise.all([
            ...[...signedIn].map(({ keys: { pair, account } }) =>
              tables.signInFailures.clear([pair, account].filter((key) => key !== undefined)),
            ),
            tables.familiarAddresses.remember({
              user_id: id,
              address: from,
              expires_at: seconds(clock.now() + familiarFor),
            }),
          ])
        },
        end() {
          for (const at of entered.splice(0)) leave(at)
        },
      }
    },
  }
}
