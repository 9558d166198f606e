import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type Attempt, type Lock, type Lockout, outsideAccount } from '../domain/lockout.ts'
import { normalizePassword, type PasswordOutcome, type Passwords } from '../domain/passwords.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import { signInNames } from '../domain/users.ts'
import { nextStep, type ProvenFactors } from '../flow/next-step.ts'
import { holdAccount } from './hold-account.ts'
import { checkOffered, type OfferedMethods } from './offered-methods.ts'
import {
  areProvidersAway,
  askProviders,
  type OutsidePasswordDependencies,
  type OutsideUser,
  providersAway,
  type TriedOutside,
  triedAsIfAsked,
  waitAsIfAsked,
} from './outside-password.ts'
import { proveByProvider } from './prove-by-provider.ts'
import { noteRefusal, refuseChanged, refuseSignIn, type SignInSource } from './refuse-sign-in.ts'
import type { SignedInUser, SignInResult } from './signed-in-user.ts'

export interface PasswordDependencies extends OfferedMethods, OutsidePasswordDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly passwords: Passwords
  readonly lockout: Lockout
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  /** Whether a user must have a second factor: for a role of their own, or in any organisation. */
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
  readonly onSignIn: (result: SignInResult) => void
}

/** A name and a password as somebody types them, and from where. */
export interface PasswordTry {
  readonly username: string
  readonly password: string
  readonly address: string
  readonly requestId: string
  /** Whether the browser need not show a second factor of this user's; left out: it must. */
  readonly isRemembered?: (user: UserId) => Promise<boolean>
}

const byPassword: readonly string[] = ['pwd']
const neededWhereLocked = 'the right password after that time, or: gatehouse user enable USERNAME'

const sourceOf = ({ address, requestId }: PasswordTry): SignInSource => ({ address, request_id: requestId })

/**
 * Proves by a password who somebody is, and then does what follows from it.
 * An unknown user, a wrong password, a locked and a disabled account get one and the same answer after one and the same
 * work: `invalid_credentials`. Errors besides: `forbidden` where passwords are not used, `invalid_request` for a password that
 * cannot be one, `too_many_requests`,
 * `temporarily_unavailable`, also in the place of `invalid_credentials` while a provider that might have known the password does
 * not answer, and whatever `then` throws. Cost: one hash, two reads, two counters; no hash where a provider has
 * accepted the password.
 */
export async function proveByPassword<T>(
  dependencies: PasswordDependencies,
  attempted: PasswordTry,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<T> {
  checkOffered(dependencies, 'password')
  // What is wrong with the request itself is told before anything about the account is looked at.
  normalizePassword(attempted.password)
  const names = signInNames(attempted.username)
  // Found and counted in one round trip.
  const user = names ? dependencies.store.users.findByNameOrEmail(names) : Promise.resolve(undefined)
  const id = user.then((row) => row?.id)
  // Whoever needs it hears of a failure by asking; that nobody may ask is no fault.
  id.catch(() => {})
  // A name without an @ is nobody's address, and need not be waited for. One count for one account, whatever it is called.
  const account = names?.name.includes('@') ? ((await user)?.username_canonical ?? names.name) : (names?.name ?? '')
  const attempt = await dependencies.lockout.begin(account, attempted.address, id)
  try {
    const found = await user
    // Read while the hash runs, for an unknown user as well.
    const factors = readFactors(dependencies, attempted, found)
    factors.catch(() => {})
    const proven = await checkPassword(dependencies, attempted, found, attempt)
    if ('identity' in proven) return await completeOutside(dependencies, attempted, proven, attempt, then)
    return await complete(dependencies, attempted, { ...proven, factors: await factors }, attempt, then)
  } finally {
    attempt.end()
  }
}

/** Judges what comes next and, where nothing more is to be proven, goes on. */
async function complete<T>(
  dependencies: PasswordDependencies,
  attempted: PasswordTry,
  { user: found, outcome, factors }: ProvenUser & { readonly factors: Factors },
  attempt: Attempt,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<T> {
  const isRequired = await dependencies.requiresSecondFactor(found)
  const judged = nextStep(found, { amr: byPassword, isRequired, ...factors })
  if (judged.step === 'refuse') {
    await attempt.failed()
    return refuseSignIn(dependencies, sourceOf(attempted), { user: found.id, counted: 'refused', why: judged.why })
  }
  const user = outcome === 'rehash' ? await replaceHash(dependencies, attempted, found) : found
  const signedIn: SignedInUser = {
    user,
    next: judged,
    amr: byPassword,
    providerSession: null,
    alongside: async (tables) => {
      await Promise.all([holdAccount(tables, user), attempt.succeeded(tables, user.id)])
    },
  }
  const done = await then(signedIn).catch((error: unknown) =>
    refuseChanged(dependencies, sourceOf(attempted), user.id, error),
  )
  dependencies.onSignIn('ok')
  return done
}

/** Goes on with somebody whose password a provider has accepted. */
async function completeOutside<T>(
  dependencies: PasswordDependencies,
  attempted: PasswordTry,
  { settings, identity }: OutsideUser,
  attempt: Attempt,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<T> {
  const { isRemembered } = attempted
  let hasHashed = false
  // With the one hash that every wrong password costs.
  const refuseAsWrong = async (): Promise<void> => {
    if (!hasHashed) await dependencies.passwords.check(attempted.password, null)
    await attempt.failed()
  }
  const proven = await proveByProvider(
    dependencies,
    { settings, identity, amr: byPassword, by: sourceOf(attempted), ...(isRemembered && { isRemembered }) },
    async (signedIn) => {
      hasHashed = settings.isShadow
      const takeOver = settings.isShadow ? await hashToTakeOver(dependencies, attempted, signedIn.user) : undefined
      return then({
        ...signedIn,
        async alongside(tables) {
          // One after the other: the account is held as it is before its password changes.
          const hold = signedIn.alongside(tables).then(() => takeOver?.(tables))
          await Promise.all([hold, attempt.succeeded(tables, signedIn.user.id)])
        },
      })
    },
  ).catch(async (error: unknown) => {
    if (error instanceof GatehouseError && error.code === 'invalid_credentials') await refuseAsWrong()
    throw error
  })
  if ('done' in proven) return proven.done
  // Nobody learns by this form that their password is right where it leads to nothing here.
  await refuseAsWrong()
  throw new GatehouseError('invalid_credentials', { cause: new Error(proven.why) })
}

/**
 * What makes a password that an older system has accepted the password here, in the sign-in's transaction; nothing where it is
 * that already. Error: `invalid_credentials` where they have another one here by now. Threat: a password that was changed here
 * because somebody knows it, and comes back by a name that only the older system knows.
 */
async function hashToTakeOver(
  { clock, passwords }: PasswordDependencies,
  { password }: PasswordTry,
  { id, password_hash: expected }: UserRow,
): Promise<((tables: Tables) => Promise<void>) | undefined> {
  if (expected !== null) {
    if ((await passwords.check(password, expected)) !== 'wrong') return undefined
    throw new GatehouseError('invalid_credentials', { cause: new Error('they have another password here by now') })
  }
  const hash = await passwords.hash(password)
  return async (tables) => {
    if (!(await tables.users.setPasswordHash({ id, expected, hash, at: clock.now() }))) {
      throw new GatehouseError('invalid_credentials')
    }
  }
}

type Factors = Pick<ProvenFactors, 'methods' | 'isRemembered'>

async function readFactors(
  { secondFactors }: PasswordDependencies,
  { isRemembered }: PasswordTry,
  user: UserRow | undefined,
): Promise<Factors> {
  const id = user?.id ?? ('usr_unknown' as UserId)
  const [methods, remembered] = await Promise.all([secondFactors.methodsOf(id), isRemembered?.(id) ?? false])
  return { methods, isRemembered: remembered }
}

interface ProvenUser {
  readonly user: UserRow
  readonly outcome: Exclude<PasswordOutcome, 'wrong'>
}

/**
 * The user whose password this is; every failure is counted, audited and refused alike. What nobody has heard, since the
 * provider that might have is away, counts against nobody: an outage must lock nobody out. What a provider heard and gave no
 * answer to counts for the account, and so does a password here meanwhile: the limits must not tell one from the other.
 */
async function checkPassword(
  dependencies: PasswordDependencies,
  attempted: PasswordTry,
  user: UserRow | undefined,
  attempt: Attempt,
): Promise<ProvenUser | OutsideUser> {
  const stored = attempt.lock ? null : (user?.password_hash ?? null)
  // Whoever has a password here signs in with that; for all others a provider is asked. Only a refusal has to cost as much as
  // another: what a provider accepts costs no hash.
  const mayAsk = !attempt.lock && (user?.password_hash ?? null) === null
  const heard = mayAsk ? await askProviders(dependencies, attempted) : undefined
  const locksThere = heard ? await countThere(dependencies, attempted, heard.tried, attempt) : []
  // Who is accepted was asked about last. Others of that name, before them, are somebody else: strangers may have locked those.
  const lockThere = heard?.accepted ? locksThere.at(-1) : locksThere.findLast((lock) => lock !== undefined)
  if (heard?.accepted && !lockThere) return heard.accepted
  const outcome = await dependencies.passwords.check(attempted.password, stored)
  if (user && outcome !== 'wrong') return { user, outcome }
  if (!mayAsk) {
    await waitAsIfAsked(dependencies, attempted)
    await countThere(dependencies, attempted, triedAsIfAsked(dependencies, attempted), attempt)
  }
  const lock = attempt.lock ?? lockThere
  const isAway = heard ? heard.isAway : areProvidersAway(dependencies, attempted)
  if (heard?.isAway) {
    await attempt.unjudged(heard.mayBeWrong || heard.accepted !== undefined)
    throw providersAway()
  }
  // Who is locked out has not been judged.
  await (isAway ? attempt.unjudged(!attempt.lock) : attempt.failed())
  const refused = lock
    ? ({ counted: 'locked', why: 'locked', cause: lock.says, needed: neededWhereLocked } as const)
    : user
      ? ({ counted: 'wrong', why: 'wrong_password', cause: `wrong_password of ${user.id}` } as const)
      : ({ counted: 'wrong', why: 'wrong_password', cause: 'no user has the name that was typed' } as const)
  const refusal = { user: user?.id, ...refused }
  if (!isAway) return refuseSignIn(dependencies, sourceOf(attempted), refusal)
  await noteRefusal(dependencies, sourceOf(attempted), refusal)
  throw providersAway()
}

/**
 * Has the try count also for whom its name leads to at providers; what locks each of them, where something does. As much is done where
 * nobody there is known. Threats: one person, tried by each of their names there; names that are told by the work they cost.
 */
async function countThere(
  { store }: PasswordDependencies,
  { username }: PasswordTry,
  tried: readonly TriedOutside[],
  attempt: Attempt,
): Promise<readonly (Lock | undefined)[]> {
  const typed = signInNames(username)?.name ?? ''
  const locks: (Lock | undefined)[] = []
  for (const { provider, subject } of tried) {
    const link = store.linkedIdentities.find({ provider, subject: subject ?? '' })
    const user = link.then((row) => row?.user_id)
    user.catch(() => {})
    locks.push(await attempt.isAt(outsideAccount(provider, subject ?? `\n${typed}`), user))
  }
  return locks
}

/** Stores the hash anew with today's parameters. Answers with the user as it is then. */
async function replaceHash(
  dependencies: PasswordDependencies,
  attempted: PasswordTry,
  user: UserRow,
): Promise<UserRow> {
  const { store, clock, passwords } = dependencies
  const { password } = attempted
  const hash = await passwords.hash(password)
  if (await store.users.setPasswordHash({ id: user.id, expected: user.password_hash, hash, at: clock.now() })) {
    return { ...user, password_hash: hash }
  }
  // Another sign-in has replaced it, or the password has just been changed: only the hash that is there now can tell.
  const current = await store.users.findById(user.id)
  if (current && (await passwords.check(password, current.password_hash)) !== 'wrong') return current
  return refuseSignIn(dependencies, sourceOf(attempted), { user: user.id, counted: 'refused', why: 'account_changed' })
}
