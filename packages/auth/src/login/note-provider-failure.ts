import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import { limitKey } from '../http/client-address.ts'
import type { SignInSource } from './refuse-sign-in.ts'

/** Notes why nothing came of asking a provider; throws every other error as it is. Cost: one statement. */
export async function noteProviderFailure(
  { store, clock }: { readonly store: Pick<Store, 'audit'>; readonly clock: Clock },
  provider: string,
  { address, request_id }: SignInSource,
  error: unknown,
): Promise<ProviderFailure> {
  if (!(error instanceof ProviderFailure)) throw error
  await recordEvent(store, clock, {
    ...{ type: 'provider_failed', result: error.reason, target: provider },
    ...{ address: address ?? null, request_id: request_id ?? null },
    detail: { why: error.detail },
    // A provider that is away is noted once a minute for one address.
    fold: `${provider}|${limitKey(address ?? '')}`,
  })
  return error
}
