import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { MailLooks } from '../mail/mail-looks.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { MailedProofs } from './mailed-proofs.ts'

/** What is needed by all that mails somebody a link or a code. */
export interface MailedDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly issuer: string
  readonly outbox: Pick<Outbox, 'queue'>
  readonly proofs: MailedProofs
  readonly mailLooks: MailLooks
}
