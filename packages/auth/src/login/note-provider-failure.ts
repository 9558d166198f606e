import { hash } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { recordFolded } from '../domain/audit.ts'
import type { Federation } from '../federation/federation.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import { limitKey } from '../http/client-address.ts'
import type { SignInSource } from './refuse-sign-in.ts'

interface Dependencies {
  readonly store: Pick<Store, 'audit'>
  readonly clock: Clock
  readonly federation: Pick<Federation, 'onFailure'>
}

/** Reasons of one provider, result and address that are rows of their own in one minute, at most. */
const mostReasons = 32

/**
 * Notes why nothing came of asking a provider, in the audit trail and, once for each row there, in the log; throws every other
 * error as it is. Cost: one statement.
 */
export async function noteProviderFailure(
  { store, clock, federation }: Dependencies,
  provider: string,
  { address, request_id }: SignInSource,
  error: unknown,
): Promise<ProviderFailure> {
  if (!(error instanceof ProviderFailure)) throw error
  const { reason, detail: why } = error
  const isNew = await recordFolded(store, clock, {
    ...{ type: 'provider_failed', result: reason, target: provider },
    ...{ address: address ?? null, request_id: request_id ?? null },
    detail: { why },
    // What goes wrong again and again is noted once a minute for one address, and another fault beside it.
    fold: `${provider}|${limitKey(address ?? '')}|${foldOf(why)}`,
  })
  if (isNew) federation.onFailure({ provider, reason, why, address, request_id })
  return error
}

/** Reasons that differ by a number are one; of all that a stranger could bring about there are no more than {@link mostReasons}. */
const foldOf = (why: string): number =>
  hash('sha256', why.replaceAll(/\d+/g, '0'), 'buffer').readUInt32BE() % mostReasons
