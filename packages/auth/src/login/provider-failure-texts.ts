import type { UnknownPerson } from '../federation/outside-people.ts'
import type { ProviderFailureReason } from '../federation/provider-failure.ts'
import type { MessageKey } from '../messages/catalogue.ts'

/** What people are told of a provider's failure, or of one that knows somebody whom nobody here knows. */
export const failureTexts: Readonly<
  Record<ProviderFailureReason | UnknownPerson, { readonly key: MessageKey; readonly status: number }>
> = {
  unavailable: { key: 'federation.unavailable', status: 503 },
  cancelled: { key: 'federation.cancelled', status: 400 },
  refused: { key: 'federation.refused', status: 403 },
  invalid_answer: { key: 'federation.failed', status: 400 },
  misconfigured: { key: 'federation.failed', status: 502 },
  no_account: { key: 'federation.no_account', status: 403 },
  account_exists: { key: 'federation.account_exists', status: 403 },
  subject_unusable: { key: 'federation.failed', status: 400 },
}
