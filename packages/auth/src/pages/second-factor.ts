import type { CodeMethod } from '../domain/second-factors.ts'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import { renderPage } from './page.ts'

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

const remember = (days: number): Html | false =>
  days > 0 &&
  html`<label><input type="checkbox" name="remember" value="yes"> Do not ask again in this browser for ${days} days</label>`

/** A code of an authenticator app, or a recovery code. */
export const renderSecondFactor = (page: SecondFactorPage): Answer => {
  const hidden = (method: CodeMethod): Html => html`<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="method" value="${method}">`
  const rendered = renderPage({
    title: 'One more step',
    leadsTo: page.leadsTo,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.error !== undefined && html`<p id="error" class="error" role="alert">${page.error}</p>`}
<form method="post" action="${page.action}">
${hidden('totp')}
<label>Code from your authenticator app
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10"></label>
${remember(page.rememberDays)}
<button id="verify" type="submit">Continue</button>
</form>
${
  page.methods.includes('recovery_code') &&
  html`<details><summary id="use-recovery-code">Use a recovery code</summary>
<form method="post" action="${page.action}">
${hidden('recovery_code')}
<label>Recovery code
<input id="recovery-code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="40"></label>
<button id="verify-recovery-code" type="submit">Continue</button>
</form></details>`
}`,
  })
  return page.headers ? { ...rendered, headers: { ...rendered.headers, ...page.headers } } : rendered
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

export const renderEnrol = (page: EnrolPage): Answer =>
  renderPage({
    title: 'Set up an authenticator app',
    leadsTo: page.leadsTo,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.isRequired && html`<p>Your account needs a second factor before you can go on.</p>`}
${page.error !== undefined && html`<p id="error" class="error" role="alert">${page.error}</p>`}
<p>Scan this with your app, or type the key: <code id="secret">${page.secret}</code></p>
<div id="qr">${page.qr}</div>
<form method="post" action="${page.action}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="sealed" value="${page.sealed}">
<label>Name of the app <input id="factor-name" name="name" maxlength="60" value="Authenticator app"></label>
<label>Code that it shows now
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="10"></label>
<button id="confirm" type="submit">Confirm</button>
</form>`,
  })

/** Recovery codes, shown this once, and where to go on. */
export const renderRecoveryCodes = (page: {
  readonly codes: readonly string[]
  readonly next: string
  readonly cookies?: readonly string[]
}): Answer =>
  renderPage({
    title: 'Your recovery codes',
    ...(page.cookies ? { cookies: page.cookies } : {}),
    body: html`<p>Each signs you in once if you lose your app. Keep them where nobody else looks; they are not shown again.</p>
<ul id="recovery-codes">${page.codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<p><a id="continue" href="${page.next}">Continue</a></p>`,
  })
