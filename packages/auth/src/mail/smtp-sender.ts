import type { Transporter } from 'nodemailer'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'

/** A mail server, and in whose name it is used. */
export interface SmtpSettings {
  readonly host: string
  readonly port: number
  /** From the first byte, by STARTTLS (without which nothing is sent), or not at all. */
  readonly security: 'tls' | 'starttls' | 'none'
  readonly user: string | undefined
  readonly password: string | undefined
  /** As it stands in the header: an address, with a name before it or without. */
  readonly from: string
}

/** Milliseconds for each step of a connection, and for an attempt as a whole. */
const stepTimeout = 5000
const attemptTimeout = 40_000
const connections = 5

/**
 * Sends by SMTP, over a few connections that are kept open for a while. Nothing of a mail is ever read from a file or an
 * address that it names. Cost: the library is loaded with the first mail. Spec: RFC 5321, RFC 3207, RFC 8314.
 */
export function createSmtpSender(settings: SmtpSettings): MailSender {
  let opened: Promise<Transporter> | undefined
  let isClosed = false

  const open = (): Promise<Transporter> => {
    opened ??= openTransport(settings)
    return opened
  }
  return {
    async send({ id, to, subject, text, html }: OutgoingMail) {
      if (isClosed) throw new DeliveryError('closed', { isFinal: false })
      const transport = await open()
      await transport
        .sendMail({
          from: settings.from,
          to: { name: '', address: to },
          subject,
          text,
          html,
          // Each attempt is the same mail: where two arrive, a mail program shows one.
          messageId: `<${id}@${settings.from.replace(/^.*@|>$/g, '')}>`,
          headers: { 'auto-submitted': 'auto-generated' },
          signal: AbortSignal.timeout(attemptTimeout),
        })
        .catch((cause: unknown) => {
          throw new DeliveryError('the mail server did not take it', { isFinal: isRefusedRecipient(cause), cause })
        })
    },
    close() {
      isClosed = true
      void opened?.then((transport) => transport.close({ force: true }))
    },
  }
}

async function openTransport({ host, port, security, user, password }: SmtpSettings): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    pool: true,
    maxConnections: connections,
    maxRequeues: 0,
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    tls: { minVersion: 'TLSv1.2' },
    dnsTimeout: stepTimeout,
    connectionTimeout: stepTimeout,
    greetingTimeout: stepTimeout,
    socketTimeout: 4 * stepTimeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** Whether the server will not have this recipient, now or later: anything else may be the server's own trouble. */
const isRefusedRecipient = (error: unknown): boolean =>
  error instanceof Error &&
  'permanent' in error &&
  error.permanent === true &&
  'command' in error &&
  error.command === 'RCPT TO'
