import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { ProvenByMail, SignInMails } from '../domain/sign-in-mails.ts'
import { nextStep } from '../flow/next-step.ts'
import { holdAccount } from './hold-account.ts'
import type { OfferedMethods } from './offered-methods.ts'
import { refuseChanged, refuseSignIn, type SignInSource } from './refuse-sign-in.ts'
import type { SignedInUser, SignInResult } from './signed-in-user.ts'

export interface MailedSignInDependencies extends OfferedMethods {
  readonly store: Store
  readonly clock: Clock
  readonly signInMails: SignInMails
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  /** Whether a user must have a second factor. */
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
  readonly onSignIn: (result: SignInResult) => void
}

/** A link or a code that somebody brings back. */
interface MailedTry {
  /** Who it is for; see domain/sign-in-mails. */
  readonly find: () => Promise<ProvenByMail>
  readonly by: SignInSource
  /** Whether the browser need not show a second factor of this user's; left out: it must. */
  readonly isRemembered?: (user: UserId) => Promise<boolean>
}

/** Reading the account's mails is one factor; RFC 8176 has no name for it. */
const byMail: readonly string[] = ['email']

/**
 * Proves by what was in a mail who somebody is, and then does what follows from it. Errors: those of `find`,
 * `invalid_credentials` where the account may not sign in, and whatever `then` throws. Cost: a few reads.
 */
export async function proveByMail<T>(
  dependencies: MailedSignInDependencies,
  { find, by, isRemembered }: MailedTry,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<T> {
  const { secondFactors, requiresSecondFactor, onSignIn } = dependencies
  const { user, alongside } = await find().catch((error: unknown) => refuseWrong(dependencies, by, error))
  const [methods, remembered] = await Promise.all([secondFactors.methodsOf(user.id), isRemembered?.(user.id) ?? false])
  const isRequired = await requiresSecondFactor(user)
  const judged = nextStep(user, { amr: byMail, methods, isRemembered: remembered, isRequired })
  if (judged.step === 'refuse') {
    return refuseSignIn(dependencies, by, { user: user.id, counted: 'refused', why: judged.why })
  }
  const done = await then({
    user,
    next: judged,
    amr: byMail,
    providerSession: null,
    async alongside(tables) {
      // In this order, as whoever changes the account has it: two that wait for each other would both wait for ever.
      await holdAccount(tables, user)
      await alongside(tables)
    },
  }).catch((error: unknown) => refuseChanged(dependencies, by, user.id, error))
  onSignIn('ok')
  return done
}

/** Notes a wrong code; a link that is gone says so to whoever has it. */
function refuseWrong(dependencies: MailedSignInDependencies, by: SignInSource, error: unknown): Promise<never> {
  if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
  return refuseSignIn(dependencies, by, { user: undefined, counted: 'wrong', why: 'wrong_mailed_code' })
}
