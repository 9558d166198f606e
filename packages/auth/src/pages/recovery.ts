import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { errorNotice } from './pieces.ts'
import { newPasswordField } from './sign-up.ts'

/** The page for who has forgotten their password. */
export const renderRecover = (look: Look, page: { readonly flow: string; readonly username: string }): Answer =>
  renderPage(look, {
    name: 'recover',
    title: look.text('recover.title'),
    body: html`<p>${look.text('recover.text')}</p>
<form method="post" action="${paths.recoverForm}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('recover.username')}
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="255" value="${page.username}"></label>
<button id="recover" class="primary" type="submit">${look.text('recover.submit')}</button>
</form>
<p><a id="back" href="${paths.login}?flow=${page.flow}">${look.text('links.sign_in')}</a></p>`,
  })

/** The page that the link opens: opening it changes nothing. */
export const renderNewPassword = (
  look: Look,
  page: {
    readonly flow: string
    readonly token: string
    readonly username: string
    readonly minimum: number
    readonly cookies: readonly string[]
    readonly error?: string
    readonly status?: number
  },
): Answer =>
  renderPage(look, {
    name: 'new-password',
    title: look.text('recover.new_title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p>${look.html('recover.for', { username: html`<strong id="username">${page.username}</strong>` })}</p>
<form method="post" action="${paths.recoverPasswordForm}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="token" value="${page.token}">
<input type="hidden" name="username" autocomplete="username" value="${page.username}">
${newPasswordField(look, page.minimum)}
<button id="set" class="primary" type="submit">${look.text('recover.set')}</button>
</form>`,
  })

/** Says that the password is set, and that one signs in as ever. */
export const renderRecovered = (look: Look, page: { readonly next: string }): Answer =>
  renderPage(look, {
    name: 'recovered',
    title: look.text('recover.done_title'),
    body: html`<p id="recovered" class="notice">${look.text('recover.done')}</p>
<p><a id="continue" class="button primary" href="${page.next}">${look.text('sign_in.submit')}</a></p>`,
  })
