import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import { createEmailChanges, type EmailChanges } from '../domain/email-change.ts'
import type { KeyRing } from '../domain/key-rings.ts'
import { createMailedProofs, type MailedProofs } from '../domain/mailed-proofs.ts'
import { createNotices, type Notices } from '../domain/notices.ts'
import type { Passwords } from '../domain/passwords.ts'
import { createRecovery, type Recovery } from '../domain/recovery.ts'
import type { Revocations } from '../domain/revocations.ts'
import { createSignInMails, type SignInMails } from '../domain/sign-in-mails.ts'
import { createSignUps, type SignUpPolicy, type SignUps } from '../domain/sign-up.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Brand } from '../pages/brand.ts'
import { createMailLooks, type MailLooks } from './mail-looks.ts'
import { type MailSettings, openOutbox } from './open-outbox.ts'
import type { Outbox, OutboxOptions } from './outbox.ts'

/** What sending people something takes. */
export interface MailServices {
  readonly outbox: Outbox
  readonly proofs: MailedProofs
  readonly mailLooks: MailLooks
  readonly notices: Notices
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly issuer: string
  readonly ring: KeyRing
  readonly outbound: Outbound
  readonly brand: () => Brand
}

/** Builds what sends mails: for the service, and for commands that queue one. */
export function createMailServices(
  dependencies: Dependencies,
  settings: MailSettings,
  calls: Pick<OutboxOptions, 'onQueued' | 'onResult' | 'onFailure'>,
): MailServices {
  const { store, clock, issuer, ring, brand } = dependencies
  const outbox = openOutbox(dependencies, settings, calls)
  const mailLooks = createMailLooks({ brand })
  const notices = createNotices({ clock, issuer, outbox, mailLooks })
  return { outbox, proofs: createMailedProofs({ store, clock, ring }), mailLooks, notices }
}

/** What people do with their accounts by mail. */
export interface AccountsByMail {
  readonly signUps: SignUps
  readonly recovery: Recovery
  readonly emailChanges: EmailChanges
  readonly signInMails: SignInMails
}

/** Builds sign-up, recovery, the change of an address, and signing in by a mail. */
export const createAccountsByMail = (
  dependencies: MailServices & {
    readonly store: Store
    readonly clock: Clock
    readonly issuer: string
    readonly passwords: Passwords
    readonly revocations: Revocations
    readonly minimumPasswordLength: () => number
    readonly policy: () => SignUpPolicy
  },
): AccountsByMail => ({
  signUps: createSignUps(dependencies),
  recovery: createRecovery(dependencies),
  emailChanges: createEmailChanges(dependencies),
  signInMails: createSignInMails(dependencies),
})
