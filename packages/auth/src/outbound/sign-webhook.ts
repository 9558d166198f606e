import { createHmac } from 'node:crypto'

/** The header with the moment and the signature: `t=<seconds>,v1=<HMAC-SHA-256 in hexadecimal>`. */
export const signatureHeader = 'gatehouse-signature'

/** The signature of a body that is sent at a moment. Threat: a forged message, and a real one that is sent again later. */
export const signWebhook = (secret: string, at: number, body: string): string =>
  `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`
