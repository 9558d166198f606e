import { paths } from '@gatehouse/core/paths'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { DecoupledRequestRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { writeApprovalRequest } from '../mail/letters.ts'
import type { MailLooks } from '../mail/mail-looks.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { Client } from './clients.ts'
import { verifiedAddressOf } from './email-addresses.ts'

/** Who is asked, by whom, and what. */
export interface AskedApproval {
  readonly user: UserRow
  readonly client: Client
  readonly request: DecoupledRequestRow
}

/** Tells people that a client asks for their approval. */
export interface ApprovalMails {
  /**
   * Queues the mail in the transaction of the request, for as long as there is something to decide. It leads to the page of all
   * that waits and proves nothing, so that one that comes late, or is passed on, is worth nothing. For a user without a verified
   * address as much is done: the client must not find that out by how long it takes. Spec: CIBA Core section 8.
   */
  queue(tables: Tables, asked: AskedApproval): Promise<void>
}

interface Dependencies {
  readonly clock: Clock
  readonly issuer: string
  readonly outbox: Pick<Outbox, 'queue'>
  readonly mailLooks: MailLooks
}

export const createApprovalMails = ({ clock, issuer, outbox, mailLooks }: Dependencies): ApprovalMails => ({
  async queue(tables, { user, client, request }) {
    const address = verifiedAddressOf(user)
    await outbox.queue(tables, {
      // A user's id is no address.
      ...{ kind: 'approval_request', to: address?.email, countedAs: address?.canonical ?? user.id, userId: user.id },
      content: writeApprovalRequest(mailLooks.of(user), {
        username: user.username,
        client: client.name ?? client.id,
        message: request.binding_message,
        until: request.usable_until,
        link: issuer + paths.pendingRequests,
      }),
      goodFor: seconds(request.usable_until - clock.now()),
    })
  },
})
