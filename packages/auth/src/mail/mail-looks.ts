import type { UserRow } from '@gatehouse/store/rows'
import { type Locale, locales } from '../messages/messages.ts'
import type { Brand } from '../pages/brand.ts'
import { buildLook, type Look } from '../pages/look.ts'

/** In whose name mails are, and in which language. */
export interface MailLooks {
  /** The look of mails to a user: in the user's language or else in the one that is given, that of the page where they ask. */
  of(user: Pick<UserRow, 'locale'> | undefined, asked?: Locale): Look
}

export const createMailLooks = ({ brand }: { readonly brand: () => Brand }): MailLooks => ({
  of: (user, asked = locales[0]) => buildLook(locales.find((locale) => locale === user?.locale) ?? asked, brand()),
})
