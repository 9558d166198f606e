import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { errorNotice } from './pieces.ts'

/** A field for a password that is chosen now. */
export const newPasswordField = (
  look: Look,
  minimum: number,
): Html => html`<label>${look.text('sign_up.password', { minimum })}
<input id="password" name="password" type="password" autocomplete="new-password" required minlength="${minimum}" maxlength="1024"></label>`

/** The page on which one opens an account. */
export const renderSignUp = (
  look: Look,
  page: {
    readonly flow: string
    readonly email: string
    readonly minimum: number
    readonly terms: string | undefined
    readonly error?: string
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  },
): Answer =>
  renderPage(look, {
    name: 'sign-up',
    title: look.text('sign_up.title'),
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<form method="post" action="${paths.signUpForm}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('sign_up.email')}
<input id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="${page.email}"></label>
${newPasswordField(look, page.minimum)}
${page.terms !== undefined && agreement(look, page.terms)}
<button id="create" class="primary" type="submit">${look.text('sign_up.submit')}</button>
</form>
<p><a id="back" href="${paths.login}?flow=${page.flow}">${look.text('sign_up.have_account')}</a></p>`,
  })

const agreement = (look: Look, terms: string): Html => html`<label class="check">
<input id="agree" name="terms" type="checkbox" value="yes" required>
<span>${look.html('sign_up.terms', { terms: html`<a href="${terms}">${look.text('sign_up.terms_name')}</a>` })}</span></label>`

/** The page that the link of a sign-up or an invitation opens: opening it changes nothing, the button does. */
export const renderVerify = (
  look: Look,
  page: {
    readonly flow: string
    readonly token: string
    readonly email: string
    /** Where a password has to be chosen here. */
    readonly choose: { readonly minimum: number } | undefined
    readonly leadsTo: readonly string[]
    readonly cookies: readonly string[]
    readonly error?: string
    readonly status?: number
  },
): Answer =>
  renderPage(look, {
    name: 'verify',
    title: look.text('verify.title'),
    leadsTo: page.leadsTo,
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p>${look.html(page.choose ? 'verify.choose_password' : 'verify.text', { email: html`<strong id="email">${page.email}</strong>` })}</p>
<form method="post" action="${paths.verifyForm}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="token" value="${page.token}">
${page.choose && html`<input type="hidden" name="username" autocomplete="username" value="${page.email}">`}
${page.choose && newPasswordField(look, page.choose.minimum)}
<button id="confirm" class="primary" type="submit">${look.text('verify.submit')}</button>
</form>`,
  })

/** The page on which one confirms a new address of one's account. */
export const renderVerifyChange = (
  look: Look,
  page: {
    readonly flow: string
    readonly token: string
    readonly email: string
    readonly username: string
    readonly cookies: readonly string[]
  },
): Answer =>
  renderPage(look, {
    name: 'verify-change',
    title: look.text('verify.title'),
    cookies: page.cookies,
    body: html`<p>${look.html('verify.change_text', {
      email: html`<strong id="email">${page.email}</strong>`,
      username: html`<strong id="username">${page.username}</strong>`,
    })}</p>
<form method="post" action="${paths.accountEmail}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="token" value="${page.token}">
<button id="confirm" class="primary" type="submit">${look.text('verify.submit')}</button>
</form>`,
  })

/** Says that whoever confirms a new address has to sign in to the account first. */
export const renderSignInFirst = (look: Look): Answer =>
  renderPage(look, {
    name: 'sign-in-first',
    title: look.text('verify.title'),
    status: 403,
    body: html`<p id="sign-in-first">${look.text('verify.sign_in_first')}</p>
<p><a id="sign-in" class="button primary" href="${paths.login}">${look.text('sign_in.submit')}</a></p>`,
  })
