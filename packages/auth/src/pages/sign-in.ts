import { ofProvider, paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { passkeyForm } from './passkeys.ts'
import { errorNotice } from './pieces.ts'

/** The page on which one signs in. */
export interface SignInPage {
  readonly flow: string
  /** For whom: the app's name; absent where one signs in for its own sake. */
  readonly client?: string | undefined
  readonly username?: string | undefined
  /** What can be done here. */
  readonly offers: {
    readonly password: boolean
    readonly passkey: boolean
    /** A link or a code by mail. */
    readonly mail: boolean
    readonly recovery: boolean
    readonly signUp: boolean
  }
  /** Where one can sign in besides. */
  readonly providers: readonly { readonly name: string; readonly title: string; readonly isAvailable: boolean }[]
  /** What went wrong with the last try. */
  readonly error?: string | undefined
  readonly status?: number
  /** Where the answer to the form may lead. */
  readonly leadsTo: readonly string[]
  /** Whether the form may lead to a provider's site. */
  readonly leadsAnywhere: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Name and password, in a form that works without scripts; a passkey where the browser knows them. */
export const renderSignIn = (look: Look, page: SignInPage): Answer =>
  renderPage(look, {
    name: 'sign-in',
    title: look.text('sign_in.title'),
    scripts: page.offers.passkey ? ['passkey'] : [],
    leadsTo: page.leadsTo,
    leadsAnywhere: page.leadsAnywhere,
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${
      page.client !== undefined &&
      html`<p>${look.html('sign_in.for_client', { client: html`<strong id="client-name">${page.client}</strong>` })}</p>`
    }
${errorNotice(page.error)}
${page.offers.password && passwordForm(look, page)}
${
  page.offers.passkey &&
  passkeyForm(look, {
    ...{ flow: page.flow, action: paths.loginPasskeyForm, asks: { begin: paths.loginPasskeyBegin }, hasAutofill: true },
    ...{ id: 'use-passkey', className: 'secondary', text: look.text('passkey.sign_in') },
    before: page.offers.password && html`<p class="or">${look.text('passkey.or')}</p>`,
  })
}
${page.providers.length > 0 && providerButtons(look, page)}
${(page.offers.mail || page.offers.recovery || page.offers.signUp) && otherWays(look, page)}`,
  })

const passwordForm = (
  look: Look,
  { flow, username = '', offers }: SignInPage,
): Html => html`<form method="post" action="${paths.loginPassword}">
<input type="hidden" name="flow" value="${flow}">
<label>${look.text('sign_in.username')}
<input id="username" name="username" autocomplete="username${offers.passkey && ' webauthn'}" autocapitalize="none" spellcheck="false" required maxlength="255" value="${username}"></label>
<label>${look.text('sign_in.password')}
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024"></label>
<button id="sign-in" class="primary" type="submit">${look.text('sign_in.submit')}</button>
</form>`

/** A link for each provider, and a word in its place where it does not answer. */
const providerButtons = (look: Look, { flow, providers, offers }: SignInPage): Html => html`${
  (offers.password || offers.passkey) && html`<p class="or">${look.text('passkey.or')}</p>`
}
<ul id="providers" class="choices">${providers.map(({ name, title, isAvailable }) =>
  isAvailable
    ? html`<li><a id="provider-${name}" class="button other" href="${ofProvider(paths.federationStart, name)}?flow=${flow}">${look.text('sign_in.with', { provider: title })}</a></li>`
    : html`<li><p id="provider-${name}" class="hint">${look.text('sign_in.provider_away', { provider: title })}</p></li>`,
)}</ul>`

/** What to do without password and passkey, each as far as it is offered. */
function otherWays(look: Look, { flow, offers }: SignInPage): Html {
  const way = (isOffered: boolean, id: string, path: string, text: MessageKey): Html | false =>
    isOffered && html`<li><a id="${id}" href="${path}?flow=${flow}">${look.text(text)}</a></li>`
  return html`<ul class="ways">
${way(offers.mail, 'by-mail', paths.loginEmail, 'links.by_mail')}
${way(offers.recovery, 'forgot', paths.recover, 'links.forgot')}
${way(offers.signUp, 'sign-up', paths.signUp, 'links.sign_up')}
</ul>`
}

/** Says that one has signed in, where that was for its own sake. */
export const renderSignedIn = (
  look: Look,
  page: { readonly username: string; readonly account: string; readonly cookies: readonly string[] },
): Answer =>
  renderPage(look, {
    name: 'signed-in',
    title: look.text('sign_in.done'),
    cookies: page.cookies,
    body: html`<p>${look.html('sign_in.done_as', { username: html`<strong id="username">${page.username}</strong>` })}</p>
<p><a id="account" class="button primary" href="${page.account}">${look.text('sign_in.account')}</a></p>`,
  })
