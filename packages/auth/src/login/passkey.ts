import type { UserId } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { Passkeys, PasskeyTry } from '../domain/passkeys.ts'
import { nameFactors, nextStep } from '../flow/next-step.ts'
import { holdAccount } from './hold-account.ts'
import { checkOffered, type OfferedMethods } from './offered-methods.ts'
import { refuseChanged, refuseSignIn } from './refuse-sign-in.ts'
import type { SignedInUser, SignInResult } from './signed-in-user.ts'

export interface PasskeyDependencies extends OfferedMethods {
  readonly store: Store
  readonly clock: Clock
  readonly passkeys: Passkeys
  readonly onSignIn: (result: SignInResult) => void
}

/**
 * Proves by a passkey alone who somebody is, and then does what follows from it. Whatever is wrong gets one and the same
 * answer: `invalid_credentials`. Errors besides: `temporarily_unavailable`, and whatever `then` throws. Cost: one
 * verification, three reads, one write.
 */
export async function proveByPasskey<T>(
  dependencies: PasskeyDependencies,
  tried: PasskeyTry,
  then: (signedIn: SignedInUser) => Promise<T>,
): Promise<T> {
  const { store, passkeys, onSignIn } = dependencies
  checkOffered(dependencies, 'passkey')
  const shown = await passkeys.check(tried)
  const refuse = (user: UserId | undefined, cause: string): Promise<never> =>
    refuseSignIn(dependencies, tried.by, { user, counted: 'wrong', why: 'wrong_passkey', cause })
  if ('why' in shown) return refuse(shown.user, shown.why)
  const user = await store.users.findById(shown.user)
  if (!user) return refuse(shown.user, 'no such user')
  // It is enough, or it is not: there is nothing here to ask for beside it.
  const judged = nextStep(user, { amr: shown.amr, methods: [], isRemembered: false, isRequired: true })
  if (judged.step === 'refuse') {
    return refuseSignIn(dependencies, tried.by, { user: user.id, counted: 'refused', why: judged.why })
  }
  const done = await then({
    user,
    next: judged,
    amr: nameFactors(shown.amr),
    providerSession: null,
    alongside: async (tables) => {
      await Promise.all([holdAccount(tables, user), shown.use(tables)])
    },
  }).catch((error: unknown) => refuseChanged(dependencies, tried.by, user.id, error))
  onSignIn('ok')
  return done
}
