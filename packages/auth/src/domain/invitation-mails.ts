import { GatehouseError } from '@gatehouse/core/errors'
import { writeLink } from '../mail/letters.ts'
import type { MailLooks } from '../mail/mail-looks.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { InvitationDependencies } from './organisation-invitations.ts'

interface Dependencies {
  readonly issuer: string
  readonly outbox: Pick<Outbox, 'queue'>
  readonly mailLooks: MailLooks
}

/** Mails invitations into organisations. The link is built from the configured issuer, whatever a request says. */
export const createInvitationMails =
  ({ issuer, outbox, mailLooks }: Dependencies): InvitationDependencies['queueMail'] =>
  async (tables, { organisation, address, link, goodFor, locale }) => {
    const content = writeLink(mailLooks.of(undefined, locale), 'organisation_invitation', {
      ...{ link: issuer + link, goodFor, organisation: organisation.name },
    })
    const isQueued = await outbox.queue(tables, {
      ...{ kind: 'organisation_invitation', to: address.email, countedAs: address.canonical },
      ...{ userId: undefined, content },
    })
    if (!isQueued) throw new GatehouseError('too_many_requests', { retryAfter: 600 })
  }
