import { isAscii } from 'node:buffer'
import { domainToASCII, domainToUnicode } from 'node:url'
import type { UserRow } from '@gatehouse/store/rows'

/** An e-mail address that mail can be sent to. */
export interface EmailAddress {
  /** As mail is sent to it, and as it is shown. */
  readonly email: string
  /** As it is compared: small letters, and the domain as DNS has it. */
  readonly canonical: string
}

/** What stands before the @, unquoted. Spec: RFC 5322 section 3.2.3 (dot-atom), RFC 6531 section 3.3 (beyond ASCII). */
const localPart = /^[\w!#$%&'*+/=?^`{|}~\u00a1-\u{10ffff}-]+(\.[\w!#$%&'*+/=?^`{|}~\u00a1-\u{10ffff}-]+)*$/u
const domainName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/

/**
 * Reads an e-mail address; `undefined` for what mail cannot be sent to: also quoted names and addresses of machines.
 * Threat: a spelling that is compared as somebody else's address and is another mailbox, so both forms are made of the same
 * normalized text; and line breaks, which would be further headers of the mail.
 */
export function parseEmail(text: string): EmailAddress | undefined {
  if (text.length > 254) return undefined
  const normalized = text.trim().normalize('NFKC')
  const at = normalized.lastIndexOf('@')
  const local = normalized.slice(0, Math.max(at, 0))
  const typed = normalized.slice(at + 1)
  const domain = domainToASCII(typed).toLowerCase()
  if (at === -1 || Buffer.byteLength(local) > 64 || !localPart.test(local) || !domainName.test(domain)) return undefined
  if (/[\p{Zs}\p{Cc}\p{Cf}\u2028\u2029]/u.test(local)) return undefined
  // Whoever sends mail reads a domain beyond ASCII by rules of their own: it goes to the one that is compared.
  const shown = isAscii(Buffer.from(typed)) ? typed : domainToUnicode(domain)
  return { email: `${local}@${shown}`, canonical: `${local.toLowerCase()}@${domain}` }
}

/**
 * Whether an address is written as it is compared. Whoever says to have verified one that is not has verified another mailbox: by
 * RFC 6531 `ªlice` and `alice` are two people. Threat: an account that opens to a look-alike.
 */
export const isNormalized = (address: string): boolean => address === address.trim().normalize('NFKC')

/** The address of a user that mail can be sent to, if there is one. */
export const verifiedAddressOf = ({
  email,
  email_canonical: canonical,
  email_verified_at: verifiedAt,
}: Pick<UserRow, 'email' | 'email_canonical' | 'email_verified_at'>): EmailAddress | undefined =>
  email === null || canonical === null || verifiedAt === null ? undefined : { email, canonical }

/** An address as those may see it who need not know it: its first letter and its domain. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return `${[...email.slice(0, at)][0] ?? ''}…${email.slice(at)}`
}
