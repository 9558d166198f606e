import type { CodeMethod } from '../domain/second-factors.ts'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { errorNotice } from './pieces.ts'

/** The page on which one shows a second factor. */
export interface SecondFactorPage {
  readonly flow: string
  readonly action: string
  readonly methods: readonly CodeMethod[]
  /** For how many days this browser can be remembered; 0 = it cannot. */
  readonly rememberDays: number
  readonly error?: string | undefined
  readonly status?: number
  readonly leadsTo: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

const remember = (look: Look, days: number): Html | false =>
  days > 0 &&
  html`<label class="check"><input id="remember" type="checkbox" name="remember" value="yes"> ${look.text('factor.remember', { days })}</label>`

/** A code of an authenticator app, or a recovery code. */
export const renderSecondFactor = (look: Look, page: SecondFactorPage): Answer => {
  const hidden = (method: CodeMethod): Html => html`<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="method" value="${method}">`
  return renderPage(look, {
    name: 'second-factor',
    title: look.text('factor.title'),
    leadsTo: page.leadsTo,
    headers: page.headers,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<form method="post" action="${page.action}">
${hidden('totp')}
<label>${look.text('factor.totp')}
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10"></label>
${remember(look, page.rememberDays)}
<button id="verify" class="primary" type="submit">${look.text('common.continue')}</button>
</form>
${
  page.methods.includes('recovery_code') &&
  html`<details><summary id="use-recovery-code">${look.text('factor.use_recovery_code')}</summary>
<form method="post" action="${page.action}">
${hidden('recovery_code')}
<label>${look.text('factor.recovery_code')}
<input id="recovery-code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="40"></label>
<button id="verify-recovery-code" type="submit">${look.text('common.continue')}</button>
</form></details>`
}`,
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
</form>`,
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
