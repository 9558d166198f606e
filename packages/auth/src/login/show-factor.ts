import type { UserId } from '@gatehouse/core/brand'
import type { Tables } from '@gatehouse/store/store'
import type { Assertion } from '../domain/passkey-answers.ts'
import type { Passkeys } from '../domain/passkeys.ts'
import { amrOf, type FactorMethod, type SecondFactors } from '../domain/second-factors.ts'
import type { Actor } from '../domain/users.ts'

/** What somebody shows who has proven something before: one of the two, as the method asks for. */
export interface FactorTry {
  readonly user: UserId
  readonly method: FactorMethod
  readonly code?: string | undefined
  readonly assertion?: Assertion | undefined
  /** The flow or the token that a passkey was asked for with. */
  readonly flow: string
  readonly by: Pick<Actor, 'address' | 'request_id'>
}

/** A second factor that is the user's. */
export interface ShownFactor {
  readonly amr: readonly string[]
  /** What is to be written in the sign-in's transaction. Error: `invalid_credentials` where it is not good any more. */
  readonly use: (tables: Tables) => Promise<void>
}

/**
 * Checks a second factor of any method; why not, for the log, where it is not right. Error: `too_many_requests` for codes.
 */
export async function showFactor(
  {
    secondFactors,
    passkeys,
  }: { readonly secondFactors: Pick<SecondFactors, 'check'>; readonly passkeys: Pick<Passkeys, 'check'> },
  { user, method, code = '', assertion, flow, by }: FactorTry,
): Promise<ShownFactor | { readonly why: string }> {
  if (method === 'passkey') {
    return assertion ? passkeys.check({ assertion, place: { flow, user }, by }) : { why: 'no assertion' }
  }
  // A code is used up by being checked.
  const isRight = await secondFactors.check(user, method, code)
  return isRight ? { amr: [amrOf[method]], use: async () => {} } : { why: 'wrong code' }
}
