import type { UserId } from '@gatehouse/core/brand'
import type { Tables } from '@gatehouse/store/store'
import type { Assertion } from '../domain/passkey-answers.ts'
import type { Passkeys } from '../domain/passkeys.ts'
import { amrOf, type FactorMethod, type SecondFactors } from '../domain/second-factors.ts'
import { noteRefusal, type RefusalDependencies, type SignInSource } from './refuse-sign-in.ts'

/** What somebody shows who has proven something before: one of the two, as the method asks for. */
export interface FactorTry {
  readonly user: UserId
  readonly method: FactorMethod
  readonly code?: string | undefined
  readonly assertion?: Assertion | undefined
  /** The flow or the token that a passkey was asked for with. */
  readonly flow: string
  readonly by: SignInSource
}

/** A second factor that is the user's. */
export interface ShownFactor {
  readonly amr: readonly string[]
  /** What is to be written in the sign-in's transaction. Error: `invalid_credentials` where it is not good any more. */
  readonly use: (tables: Tables) => Promise<void>
}

export interface ShowFactorDependencies extends RefusalDependencies {
  readonly secondFactors: Pick<SecondFactors, 'check'>
  readonly passkeys: Pick<Passkeys, 'check'>
}

/**
 * Checks a second factor of any method; why not, for the log, where it is not right, which is noted in the audit trail.
 * Error: `too_many_requests` for codes.
 */
export async function showFactor(
  dependencies: ShowFactorDependencies,
  tried: FactorTry,
): Promise<ShownFactor | { readonly why: string }> {
  const { user, by } = tried
  const shown = await checkFactor(dependencies, tried)
  if ('why' in shown) await noteRefusal(dependencies, by, { user, counted: 'wrong', why: 'wrong_factor' })
  return shown
}

async function checkFactor(
  { secondFactors, passkeys }: ShowFactorDependencies,
  { user, method, code = '', assertion, flow, by }: FactorTry,
): Promise<ShownFactor | { readonly why: string }> {
  if (method === 'passkey') {
    return assertion ? passkeys.check({ assertion, place: { flow, user }, by }) : { why: 'no assertion' }
  }
  // A code is used up by being checked.
  const isRight = await secondFactors.check(user, method, code)
  return isRight ? { amr: [amrOf[method]], use: async () => {} } : { why: 'wrong code' }
}
