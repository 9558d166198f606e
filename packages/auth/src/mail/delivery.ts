import type { RenderedMail } from './render-mail.ts'

/** What is told to somebody, as it goes out. */
export interface OutgoingMail extends RenderedMail {
  /** Stays the same over every attempt. */
  readonly id: string
  readonly kind: string
  /** Whom it is about; absent for somebody without an account. */
  readonly userId?: string | undefined
  readonly to: string
}

/** A way out: SMTP, or a webhook. */
export interface MailSender {
  /** Resolves once the other side has taken it. Throws {@link DeliveryError}. */
  send(mail: OutgoingMail): Promise<void>
  /** Ends what is under way, which fails. */
  close(): void
}

/** Thrown where a mail was not taken. */
export class DeliveryError extends Error {
  /** Whether another attempt would end the same way. */
  readonly isFinal: boolean

  constructor(message: string, { isFinal, cause }: { readonly isFinal: boolean; readonly cause?: unknown }) {
    super(message, { cause })
    this.name = 'DeliveryError'
    this.isFinal = isFinal
  }
}
