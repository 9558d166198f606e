import type { Clock } from '@gatehouse/core/time'
import type { Outbound } from '../outbound/outbound.ts'
import { signatureHeader, signWebhook } from '../outbound/sign-webhook.ts'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'

/** A program that sends in a way of its own: SMS, a chat, another mail service. */
export interface WebhookSettings {
  readonly url: string
  /** The key of the signature. */
  readonly secret: string
}

/**
 * Sends by a signed POST of JSON. What answers 2xx has taken it; 400, 404, 410 and 422 say that it never will. Whoever
 * receives it goes by `id`, since an answer that is lost brings the same message again.
 */
export function createWebhookSender(
  { outbound, clock }: { readonly outbound: Pick<Outbound, 'fetch'>; readonly clock: Clock },
  { url, secret }: WebhookSettings,
): MailSender {
  return {
    async send(mail) {
      const body = JSON.stringify(describe(mail))
      const { status } = await outbound
        .fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', [signatureHeader]: signWebhook(secret, clock.now(), body) },
          body,
          accept: [],
          limitBytes: 0,
        })
        .catch((cause: unknown) => {
          throw new DeliveryError('the webhook could not be reached', { isFinal: false, cause })
        })
      if (status >= 200 && status < 300) return
      throw new DeliveryError(`the webhook answered ${status}`, { isFinal: refusals.has(status) })
    },
    // What is under way ends with `outbound`, which all requests to other servers share.
    close() {},
  }
}

const refusals: ReadonlySet<number> = new Set([400, 404, 410, 422])

/** The message by its names on the wire. */
const describe = ({ id, kind, userId, to, locale, subject, text, html, link, code }: OutgoingMail) => ({
  id,
  kind,
  user_id: userId ?? null,
  to,
  locale,
  subject,
  text,
  html,
  link: link ?? null,
  code: code ?? null,
})
