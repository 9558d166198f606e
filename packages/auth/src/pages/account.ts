import { paths } from '@gatehouse/core/paths'
import type { FactorRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import { renderPage } from './page.ts'

/** The page of second factors. */
export interface SecurityPage {
  readonly flow: string
  readonly username: string
  readonly factors: readonly FactorRow[]
  readonly codesLeft: number
  readonly cookies: readonly string[]
}

const day = (moment: number): string => new Date(moment * 1000).toISOString().slice(0, 10)

const renderFactor = (
  flow: string,
  { id, name, created_at, last_used_at }: FactorRow,
): Html => html`<li data-factor="${id}">
<strong>${name}</strong>, since ${day(created_at)}${last_used_at !== null && html`, last used ${day(last_used_at)}`}
<form method="post" action="${paths.accountRemoveFactor}">
<input type="hidden" name="flow" value="${flow}">
<input type="hidden" name="factor" value="${id}">
<button class="remove" type="submit">Remove</button>
</form></li>`

/** Second factors: what there is, and what can be added. */
export const renderSecurity = ({ flow, username, factors, codesLeft, cookies }: SecurityPage): Answer =>
  renderPage({
    title: 'Security of your account',
    cookies,
    body: html`<p>You are signed in as <strong id="username">${username}</strong>.</p>
<h2>Authenticator apps</h2>
${factors.length === 0 && html`<p id="no-factors">None yet: your password alone signs you in.</p>`}
<ul id="factors">${factors.map((factor) => renderFactor(flow, factor))}</ul>
<form method="post" action="${paths.accountTotp}">
<input type="hidden" name="flow" value="${flow}">
<button id="add-totp" type="submit">Add an authenticator app</button>
</form>
${
  factors.length > 0 &&
  html`<h2>Recovery codes</h2>
<p><span id="codes-left">${codesLeft}</span> left.</p>
<form method="post" action="${paths.accountRecoveryCodes}">
<input type="hidden" name="flow" value="${flow}">
<button id="renew-codes" type="submit">Make new ones</button>
</form>`
}
<p><a id="sign-out-link" href="${paths.endSession}">Sign out</a></p>`,
  })
