import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import type { Actor } from '../domain/users.ts'
import { limitKey } from '../http/client-address.ts'
import type { SignInResult } from './signed-in-user.ts'

/** What a refusal is noted with. */
export interface RefusalDependencies {
  readonly store: Pick<Store, 'audit'>
  readonly clock: Clock
  readonly onSignIn: (result: SignInResult) => void
}

/** From where somebody tries to sign in. */
export type SignInSource = Pick<Actor, 'address' | 'request_id'>

/** A sign-in that comes to nothing. */
export interface Refusal {
  /** Whose it would have been. */
  readonly user: UserId | undefined
  readonly counted: Exclude<SignInResult, 'ok'>
  /** Why, for the audit trail: one of few words, since those of one minute are folded by it. */
  readonly why: string
  /** More, for the log. */
  readonly cause?: string
  /** What would have been let through, for the log. */
  readonly needed?: string
}

/** Notes and refuses a sign-in, whatever is wrong with it in one and the same way. Error: `invalid_credentials`. */
export async function refuseSignIn(
  dependencies: RefusalDependencies,
  source: SignInSource,
  refusal: Refusal,
): Promise<never> {
  await noteRefusal(dependencies, source, refusal)
  const { why, cause = why, needed } = refusal
  throw new GatehouseError('invalid_credentials', { cause: new Error(cause), ...(needed !== undefined && { needed }) })
}

/** Notes a sign-in that comes to nothing, in the counters and in the audit trail. Cost: one statement. */
export async function noteRefusal(
  { store, clock, onSignIn }: RefusalDependencies,
  { address, request_id }: SignInSource,
  { user, counted, why }: Refusal,
): Promise<void> {
  onSignIn(counted)
  const source = limitKey(address ?? '')
  await recordEvent(store, clock, {
    type: 'sign_in',
    result: why,
    target: user ?? null,
    address: address ?? null,
    request_id: request_id ?? null,
    // Unknown accounts fold by source alone: what is typed as a user name may be a password.
    fold: `${user ?? '?'}|${source}`,
  })
}

/** Refuses alike where an account has changed while its sign-in was under way; throws every other error as it is. */
export function refuseChanged(
  dependencies: RefusalDependencies,
  source: SignInSource,
  user: UserId,
  error: unknown,
): Promise<never> {
  if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
  return refuseSignIn(dependencies, source, { user, counted: 'refused', why: 'account_changed' })
}
