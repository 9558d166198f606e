import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import { localeNames, locales } from '../messages/messages.ts'
import { renderAccountPage } from './account.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { errorNotice, signedInAs } from './pieces.ts'

/** Who one is: what one is called, the language, and the address. */
export const renderProfile = (
  look: Look,
  page: {
    readonly flow: string
    readonly user: UserRow
    /** Whether the address can be changed: mails can be sent. */
    readonly canChangeEmail: boolean
    readonly cookies: readonly string[]
    readonly error?: string
    readonly status?: number
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account-profile',
    path: paths.accountProfile,
    title: look.text('profile.title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
${signedInAs(look, page.user.username)}
<form method="post" action="${paths.accountProfile}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('profile.name')}
<input id="name" name="name" autocomplete="name" maxlength="100" aria-describedby="name-hint" value="${page.user.name ?? ''}"></label>
<p id="name-hint" class="hint">${look.text('profile.name_hint')}</p>
<label>${look.text('profile.language')}
<select id="language" name="locale" autocomplete="language">${locales.map(
      (locale) =>
        html`<option value="${locale}" lang="${locale}"${locale === (page.user.locale ?? look.locale) && html` selected`}>${localeNames[locale]}</option>`,
    )}</select></label>
<button id="save" class="primary" type="submit">${look.text('profile.save')}</button>
</form>
<h2>${look.text('profile.email')}</h2>
<p id="email">${emailOf(look, page.user)}</p>
${page.canChangeEmail && changeForm(look, page.flow)}`,
  })

const emailOf = (look: Look, { email, email_verified_at }: UserRow): string => {
  if (email === null) return look.text('profile.no_email')
  return email_verified_at === null ? look.text('profile.unconfirmed', { email }) : email
}

const changeForm = (look: Look, flow: string): Html => html`<form method="post" action="${paths.accountEmail}">
<input type="hidden" name="flow" value="${flow}">
<label>${look.text('profile.new_email')}
<input id="new-email" name="email" type="email" autocomplete="email" required maxlength="254" aria-describedby="email-hint"></label>
<p id="email-hint" class="hint">${look.text('profile.change_hint')}</p>
<button id="change-email" class="secondary" type="submit">${look.text('profile.change_email')}</button>
</form>`
