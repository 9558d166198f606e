import { createHmac } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import type { Outbound } from '../outbound/outbound.ts'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'

/** A program that sends in a way of its own: SMS, a chat, another mail service. */
export interface WebhookSettings {
  readonly url: string
  /** The key of the signature. */
  readonly secret: string
}

/** The header with the moment and the signature: `t=<seconds>,v1=<HMAC-SHA-256 in hexadecimal>`. */
export const signatureHeader = 'gatehouse-signature'

/** The signature of a body that is sent at a moment. Threat: a forged message, and a real one that is sent again later. */
export const signWebhook = (secret: string, at: number, body: string): string =>
  `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`

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
