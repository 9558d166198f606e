import type { UserId } from '@gatehouse/core/brand'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { type NoticeKind, writeNotice } from '../mail/letters.ts'
import type { MailLooks } from '../mail/mail-looks.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { AuditEvent } from './audit.ts'
import { verifiedAddressOf } from './email-addresses.ts'

/** What has happened to whose account. */
export interface Notice {
  /** Whose: as the row has it, so of a row from before a change the old address; by an id, as they are now. */
  readonly user: UserRow | UserId
  /** What it was about, such as the name of a factor. */
  readonly what?: string
  /** From where it was done. */
  readonly by: Pick<AuditEvent, 'address'>
}

/** Tells people what has happened to their accounts. */
export interface Notices {
  /**
   * Queues a notice to the user's verified address, in the transaction of what it tells of. Whoever has none is told
   * nothing. Spec: ASVS 6.3.7. Threat: somebody who has got into a session and makes the account theirs, unnoticed.
   */
  tell(tables: Tables, kind: NoticeKind, notice: Notice): Promise<void>
}

interface Dependencies {
  readonly clock: Clock
  readonly issuer: string
  readonly outbox: Pick<Outbox, 'queue'>
  readonly mailLooks: MailLooks
}

/** The one place that decides who hears of a change. */
export function createNotices({ clock, issuer, outbox, mailLooks }: Dependencies): Notices {
  return {
    async tell(tables, kind, { user: whose, what = '', by }) {
      const user = typeof whose === 'string' ? await tables.users.findById(whose) : whose
      const address = user && verifiedAddressOf(user)
      if (!address) return
      const facts = { username: user.username, what, at: clock.now(), link: issuer + paths.account }
      await outbox.queue(tables, {
        kind,
        to: address.email,
        countedAs: address.canonical,
        userId: user.id,
        content: writeNotice(mailLooks.of(user), kind, { ...facts, address: by.address ?? undefined }),
      })
    },
  }
}
