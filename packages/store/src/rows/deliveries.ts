import type { ClientId, Seconds, UserId } from '@gatehouse/core/brand'

/** A logout token that still has to reach a client (OpenID Connect Back-Channel Logout). */
export interface LogoutDeliveryRow {
  readonly id: string
  readonly client_id: ClientId
  readonly subject: string
  readonly sid: string
  readonly attempts: number
  readonly next_attempt_at: Seconds
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** Something that is sent to a person: a mail, or what another channel carries. */
export interface MailRow {
  readonly id: string
  /** How it goes: by mail, by the webhook, or nowhere (what a stranger asked for whom nobody knows). */
  readonly channel: 'mail' | 'webhook' | 'nowhere'
  /** What it tells. */
  readonly kind: string
  /** Whom it is about; null = somebody without an account. */
  readonly user_id: UserId | null
  /** Recipient and content, sealed: mails carry links and codes. */
  readonly sealed: string
  readonly attempts: number
  readonly next_attempt_at: Seconds
  readonly created_at: Seconds
  /** Kept after that in development alone. */
  readonly delivered_at: Seconds | null
  /** Not delivered until then, it is given up. */
  readonly expires_at: Seconds
}

/** What a person has been mailed, and who brings it back has read that mail: a link or a code. */
export interface MailedProofRow {
  /** SHA-256 of the link's token; of a code, of what the one who asked for it holds. */
  readonly hash: string
  readonly purpose: 'sign_up' | 'invitation' | 'change_email' | 'recovery' | 'sign_in_link' | 'sign_in_code'
  /** The address that it proves, as it is compared; where somebody unknown asked, what they called themselves. To sign in, with who asked behind it. */
  readonly address: string
  /** Whose it is; null = somebody without an account. */
  readonly user_id: UserId | null
  /** A MAC of the code; null = a link. */
  readonly code_mac: string | null
  /** SHA-256 of the asking browser's cookie; null = no browser asked. */
  readonly browser_hash: string | null
  /** What it leads to, sealed; null = nothing but what the purpose says. */
  readonly sealed: string | null
  readonly created_at: Seconds
  readonly expires_at: Seconds
}

/** A form of a browser app that was sent without a session, until its sender has signed in. */
export interface KeptFormRow {
  /** SHA-256 of what its sender brings back. */
  readonly hash: string
  /** What was sent, where to, by which browser, and who may send it. */
  readonly sealed: string
  readonly expires_at: Seconds
}
