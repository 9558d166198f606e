import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { MailSender } from './delivery.ts'
import type { MailKind } from './letters.ts'
import { createOutbox, type Outbox, type OutboxOptions } from './outbox.ts'
import { createSmtpSender, type SmtpSettings } from './smtp-sender.ts'
import { createWebhookSender, type WebhookSettings } from './webhook-sender.ts'

/** How people are sent something. */
export interface MailSettings {
  readonly smtp: SmtpSettings | undefined
  readonly webhook: (WebhookSettings & { readonly kinds: readonly MailKind[] | undefined }) | undefined
  /** Whether every mail can be read in the inbox, and needs no other way out: development alone. */
  readonly inbox: boolean
  readonly most: number
  readonly perRecipient: number
}

/** Nobody is sent anything. */
export const noMail: MailSettings = { smtp: undefined, webhook: undefined, inbox: false, most: 0, perRecipient: 0 }

/** Whether people can be sent something at all: what is proven by mail needs it. */
export const canSend = ({ smtp, webhook, inbox }: MailSettings): boolean =>
  smtp !== undefined || webhook !== undefined || inbox

/** Whether messages of a kind have a way out. */
export const takesKind = (settings: MailSettings, kind: MailKind): boolean =>
  settings.smtp !== undefined || settings.inbox || isForWebhook(settings, kind)

const isForWebhook = ({ webhook }: MailSettings, kind: MailKind): boolean =>
  webhook?.kinds?.includes(kind) ?? webhook !== undefined

/** Opens the outbox with the ways out that there are. */
export function openOutbox(
  dependencies: { readonly store: Store; readonly clock: Clock; readonly ring: KeyRing; readonly outbound: Outbound },
  settings: MailSettings,
  calls: Pick<OutboxOptions, 'onQueued' | 'onResult' | 'onFailure'>,
): Outbox {
  const { smtp, webhook, inbox, most, perRecipient } = settings
  const mail = smtp ? createSmtpSender(smtp) : inbox ? intoInbox : undefined
  return createOutbox(dependencies, {
    ...calls,
    senders: { ...(mail && { mail }), ...(webhook && { webhook: createWebhookSender(dependencies, webhook) }) },
    channelOf: (kind) => (isForWebhook(settings, kind) ? 'webhook' : mail ? 'mail' : undefined),
    keepsDelivered: inbox,
    most,
    perRecipient,
  })
}

/** Where there is no mail server a mail has arrived once it lies in the inbox. */
const intoInbox: MailSender = { send: async () => {}, close: () => {} }
