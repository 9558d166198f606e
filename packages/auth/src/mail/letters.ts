import type { Seconds } from '@gatehouse/core/brand'
import { withoutLinks } from '../domain/shown-text.ts'
import type { Look } from '../pages/look.ts'
import { type RenderedMail, renderMail } from './render-mail.ts'

/** Mails with a link by which somebody shows that they read them. */
const linkKinds = [
  'sign_up',
  'invitation',
  'organisation_invitation',
  'change_email',
  'recovery',
  'sign_in_link',
] as const
export type LinkKind = (typeof linkKinds)[number]

/** Mails that tell what has happened to an account. */
const noticeKinds = [
  'password_changed',
  'factor_added',
  'factor_removed',
  'recovery_codes_renewed',
  'identity_linked',
  'identity_unlinked',
  'email_changed',
  'account_deleted',
  'sign_in_mails_stopped',
  'requests_stopped',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** Everything that people are sent. */
export const mailKinds = [...linkKinds, 'sign_in_code', 'account_exists', 'approval_request', ...noticeKinds] as const
/** See {@link mailKinds}. */
export type MailKind = (typeof mailKinds)[number]

/** What somebody has to be told of something that has happened to their account. */
export interface NoticeFacts {
  readonly username: string
  /** What it was about, such as the name of a factor; empty where there is nothing to name. */
  readonly what: string
  readonly at: Seconds
  /** From where it was done; absent where nobody's browser did it. */
  readonly address?: string | undefined
  /** Where to look after the account. */
  readonly link: string
}

const brandOf = ({ brand }: Look) => ({ brand: brand.name })
const minutesOf = (goodFor: number): number => Math.round(goodFor / 60)
/** For how long a link can be used. */
const tellLinkLife = (look: Look, goodFor: number): string =>
  goodFor > 86_400
    ? look.text('mail.link_good_for_days', { days: Math.round(goodFor / 86_400) })
    : look.text('mail.link_good_for', { minutes: minutesOf(goodFor) })

/** A link that people are mailed. */
export interface MailedLink {
  readonly link: string
  /** Seconds. */
  readonly goodFor: number
  /** Which organisation it is about, where it is about one. */
  readonly organisation?: string
}

/** A mail with a link that can be used once, for so many seconds. */
export const writeLink = (look: Look, kind: LinkKind, { link, goodFor, organisation = '' }: MailedLink): RenderedMail =>
  renderMail(look, {
    subject: look.text(`mail.${kind}.subject`, { ...brandOf(look), organisation }),
    before: [look.text(`mail.${kind}.text`, { ...brandOf(look), organisation })],
    link: { href: link, label: look.text(`mail.${kind}.link`) },
    after: [tellLinkLife(look, goodFor), look.text('mail.not_asked_for')],
  })

/** A mail with a code that is typed where it was asked for. */
export const writeCode = (
  look: Look,
  { code, goodFor }: { readonly code: string; readonly goodFor: number },
): RenderedMail => ({
  ...renderMail(look, {
    subject: look.text('mail.sign_in_code.subject', brandOf(look)),
    before: [look.text('mail.sign_in_code.text', brandOf(look))],
    code: `${code.slice(0, 4)} ${code.slice(4)}`,
    after: [look.text('mail.code_good_for', { minutes: minutesOf(goodFor) }), look.text('mail.code_for_nobody')],
  }),
  code,
})

/** Tells the owner of an address that somebody has tried to sign up with it. */
export const writeAccountExists = (look: Look, { link }: { readonly link: string }): RenderedMail =>
  renderMail(look, {
    subject: look.text('mail.account_exists.subject', brandOf(look)),
    before: [look.text('mail.account_exists.text', brandOf(look))],
    link: { href: link, label: look.text('mail.account_exists.link') },
    after: [look.text('mail.not_asked_for')],
  })

/** What somebody has to be told of a client that asks for their approval. */
export interface ApprovalFacts {
  readonly username: string
  /** As the user knows it. */
  readonly client: string
  /** What it has them compare; null where it says nothing. */
  readonly message: string | null
  readonly until: Seconds
  /** Where they decide. */
  readonly link: string
}

/**
 * Tells somebody that a client asks for their approval. Its only link is ours. Threat: a client whose name or message leads to a
 * page of its own, in a mail of ours.
 */
export function writeApprovalRequest(look: Look, facts: ApprovalFacts): RenderedMail {
  const { username, client, message, until, link } = facts
  const named = { ...brandOf(look), username, client: withoutLinks(client) }
  return renderMail(look, {
    subject: look.text('mail.approval_request.subject', brandOf(look)),
    before: [
      look.text('mail.approval_request.text', named),
      ...(message === null ? [] : [look.text('mail.approval_request.says', { message: withoutLinks(message) })]),
    ],
    link: { href: link, label: look.text('mail.approval_request.link') },
    after: [
      look.text('mail.approval_request.until', { time: tellMoment(until) }),
      look.text('mail.approval_request.not_begun'),
    ],
  })
}

/** A moment of UTC, which every mail program shows as it is. */
const tellMoment = (at: Seconds): string => `${new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/**
 * Tells the owner of an account what has happened to it. Its only link is ours. Threat: the name of a client, or of a factor that
 * somebody else has added, which leads to a page of theirs.
 */
export function writeNotice(look: Look, kind: NoticeKind, facts: NoticeFacts): RenderedMail {
  const { username, what, at, address, link } = facts
  const where = address === undefined ? '' : ` ${look.text('mail.from_address', { address })}`
  // An address is told as it is.
  const named = kind === 'email_changed' ? what : withoutLinks(what)
  return renderMail(look, {
    subject: look.text(`mail.${kind}.subject`, brandOf(look)),
    before: [
      look.text(`mail.${kind}.text`, { ...brandOf(look), username, what: named }),
      `${look.text('mail.when', { time: tellMoment(at) })}${where}`,
    ],
    link: kind === 'account_deleted' ? undefined : { href: link, label: look.text('mail.look_after') },
    after: [look.text('mail.not_you')],
  })
}
