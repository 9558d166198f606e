import { paths } from '@gatehouse/core/paths'
import type { MailedMethod } from '../domain/sign-in-methods.ts'
import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { errorNotice } from './pieces.ts'

/** The page on which one asks for a mail to sign in by. */
export const renderMailRequest = (
  look: Look,
  page: {
    readonly flow: string
    readonly username: string
    readonly methods: readonly MailedMethod[]
    readonly error?: string
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  },
): Answer =>
  renderPage(look, {
    name: 'mail-sign-in',
    title: look.text('mail_sign_in.title'),
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p>${look.text('mail_sign_in.text')}</p>
<form method="post" action="${paths.loginEmail}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('recover.username')}
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="255" value="${page.username}"></label>
<div class="actions">${page.methods.map(
      (method) =>
        html`<button id="${method}" class="primary" type="submit" name="method" value="${method}">${look.text(`mail_sign_in.${method}`)}</button>`,
    )}</div>
</form>
<p><a id="back" href="${paths.login}?flow=${page.flow}">${look.text('links.sign_in')}</a></p>`,
  })

/** The page on which one types the code that was mailed. */
export const renderMailedCode = (
  look: Look,
  page: {
    readonly flow: string
    readonly minutes: number
    readonly leadsTo: readonly string[]
    readonly error?: string
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  },
): Answer =>
  renderPage(look, {
    name: 'mail-code',
    title: look.text('mail_sent.title'),
    leadsTo: page.leadsTo,
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p id="sent">${look.text('mail_sent.sign_in_code', { minutes: page.minutes })}</p>
<form method="post" action="${paths.loginEmailCode}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('mail_sign_in.code')}
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="20"></label>
<button id="verify" class="primary" type="submit">${look.text('frame.continue')}</button>
</form>
<p class="hint">${look.text('mail_sent.nothing')}</p>
<p><a id="again" href="${paths.loginEmail}?flow=${page.flow}">${look.text('link_gone.again')}</a></p>`,
  })

/** The page that a mailed link opens: opening it changes nothing, the button does. */
export const renderSignInLink = (
  look: Look,
  page: {
    readonly flow: string
    readonly token: string
    readonly username: string
    readonly leadsTo: readonly string[]
    readonly cookies: readonly string[]
  },
): Answer =>
  renderPage(look, {
    name: 'sign-in-link',
    title: look.text('sign_in.title'),
    leadsTo: page.leadsTo,
    cookies: page.cookies,
    body: html`<p>${look.html('mail_sign_in.open_text', { username: html`<strong id="username">${page.username}</strong>` })}</p>
<form method="post" action="${paths.loginLink}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="token" value="${page.token}">
<button id="sign-in" class="primary" type="submit">${look.text('sign_in.submit')}</button>
</form>`,
  })

/** Says that a link signs in elsewhere. */
export const renderOtherBrowser = (look: Look): Answer =>
  renderPage(look, {
    name: 'other-browser',
    title: look.text('other_browser.title'),
    status: 403,
    body: html`<p id="other-browser">${look.text('other_browser.text')}</p>
<p><a id="again" class="button primary" href="${paths.loginEmail}">${look.text('link_gone.again')}</a></p>`,
  })
