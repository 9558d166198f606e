import { paths } from '@gatehouse/core/paths'
import type { RequestOptions } from '../domain/passkey-options.ts'
import type { FactorMethod } from '../domain/second-factors.ts'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { passkeyForm, withoutPasskeys } from './passkeys.ts'
import { errorNotice } from './pieces.ts'

/** The page on which one shows a second factor. */
export interface SecondFactorPage {
  readonly flow: string
  readonly methods: readonly FactorMethod[]
  /** What to ask for a passkey with; undefined where the user has none. */
  readonly passkeyOptions: RequestOptions | undefined
  /** For how many days this browser can be remembered; 0 = it cannot. */
  readonly rememberDays: number
  readonly error?: string | undefined
  readonly status?: number
  readonly leadsTo: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

const remember = (look: Look, method: FactorMethod, days: number): Html | false =>
  days > 0 &&
  html`<label class="check"><input id="remember-${method}" type="checkbox" name="remember" value="yes"> ${look.text('factor.remember', { days })}</label>`

const hidden = (flow: string, method: FactorMethod): Html => html`<input type="hidden" name="flow" value="${flow}">
<input type="hidden" name="method" value="${method}">`

const passkeyPart = (
  look: Look,
  { flow, rememberDays }: SecondFactorPage,
  options: RequestOptions,
): Html => html`${withoutPasskeys(look)}
${passkeyForm(look, {
  ...{ flow, action: paths.loginFactor, asks: { options } },
  ...{ id: 'show-passkey', className: 'primary', text: look.text('passkey.show') },
  fields: html`<input type="hidden" name="method" value="passkey">
${remember(look, 'passkey', rememberDays)}`,
})}`

const totpPart = (
  look: Look,
  { flow, rememberDays }: SecondFactorPage,
): Html => html`<form method="post" action="${paths.loginFactor}">
${hidden(flow, 'totp')}
<label>${look.text('factor.totp')}
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10"></label>
${remember(look, 'totp', rememberDays)}
<button id="verify" class="primary" type="submit">${look.text('frame.continue')}</button>
</form>`

const recoveryPart = (
  look: Look,
  { flow }: SecondFactorPage,
): Html => html`<details><summary id="use-recovery-code">${look.text('factor.use_recovery_code')}</summary>
<form method="post" action="${paths.loginFactor}">
${hidden(flow, 'recovery_code')}
<label>${look.text('factor.recovery_code')}
<input id="recovery-code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="40"></label>
<button id="verify-recovery-code" type="submit">${look.text('frame.continue')}</button>
</form></details>`

/** A passkey, a code of an authenticator app, or a recovery code: what of these the user has. */
export function renderSecondFactor(look: Look, page: SecondFactorPage): Answer {
  const { passkeyOptions, methods } = page
  const hasApp = methods.includes('totp')
  return renderPage(look, {
    name: 'second-factor',
    title: look.text('factor.title'),
    scripts: passkeyOptions ? ['passkey'] : [],
    leadsTo: page.leadsTo,
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
${passkeyOptions && passkeyPart(look, page, passkeyOptions)}
${passkeyOptions && hasApp && html`<p class="or">${look.text('passkey.or')}</p>`}
${hasApp && totpPart(look, page)}
${methods.includes('recovery_code') && recoveryPart(look, page)}`,
  })
}

/** The page on which one sets up an authenticator app. */
export interface EnrolPage {
  readonly flow: string
  readonly action: string
  /** Base32. */
  readonly secret: string
  /** The secret as only Gatehouse can read it. */
  readonly sealed: string
  /** The QR code as SVG of our own making. */
  readonly qr: Html
  /** Whether one cannot go on without. */
  readonly isRequired: boolean
  /** Where one makes a passkey instead. */
  readonly passkeyAddress: string | undefined
  readonly error?: string | undefined
  readonly status?: number
  readonly leadsTo: readonly string[]
}

export const renderEnrol = (look: Look, page: EnrolPage): Answer =>
  renderPage(look, {
    name: 'enrol-totp',
    title: look.text('enrol.title'),
    leadsTo: page.leadsTo,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.isRequired && html`<p>${look.text('enrol.required')}</p>`}
${errorNotice(page.error)}
<p>${look.html('enrol.scan', { secret: html`<code id="secret">${page.secret}</code>` })}</p>
<div id="qr" class="qr" role="img" aria-label="${look.text('enrol.qr')}">${page.qr}</div>
<form method="post" action="${page.action}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="sealed" value="${page.sealed}">
<label>${look.text('enrol.name')} <input id="factor-name" name="name" maxlength="60" autocomplete="off" value="${look.text('enrol.default_name')}"></label>
<label>${look.text('enrol.code')}
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10"></label>
<button id="confirm" class="primary" type="submit">${look.text('enrol.confirm')}</button>
</form>
${
  page.passkeyAddress !== undefined &&
  html`<p class="or">${look.text('passkey.or')}</p>
<a id="passkey-instead" class="button other" href="${page.passkeyAddress}">${look.text('passkey.instead')}</a>`
}`,
  })

/** Recovery codes, shown this once, and where to go on. */
export const renderRecoveryCodes = (
  look: Look,
  page: { readonly codes: readonly string[]; readonly next: string; readonly cookies?: readonly string[] },
): Answer =>
  renderPage(look, {
    name: 'recovery-codes',
    title: look.text('recovery_codes.title'),
    ...(page.cookies ? { cookies: page.cookies } : {}),
    body: html`<p>${look.text('recovery_codes.about')}</p>
<ul id="recovery-codes" class="codes">${page.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<p><a id="continue" class="button primary" href="${page.next}">${look.text('recovery_codes.saved')}</a></p>`,
  })
