import { paths } from '@gatehouse/core/paths'
import type { ConsentRow, FactorRow, SessionRow, UserRow } from '@gatehouse/store/rows'
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

/** The way from one page of the account to the others. */
const links = html`<nav aria-label="Account"><p>
<a href="${paths.account}">Account</a> ·
<a href="${paths.accountPassword}">Password</a> ·
<a href="${paths.accountSecurity}">Second factors</a> ·
<a href="${paths.accountSessions}">Sessions</a> ·
<a href="${paths.accountApplications}">Applications</a> ·
<a id="sign-out-link" href="${paths.endSession}">Sign out</a>
</p></nav>`

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
${links}`,
  })

/** The first page of one's account. */
export const renderAccount = (page: {
  readonly user: UserRow
  readonly session: SessionRow
  readonly cookies: readonly string[]
}): Answer =>
  renderPage({
    title: 'Your account',
    cookies: page.cookies,
    body: html`<dl>
<dt>User name</dt><dd id="username">${page.user.username}</dd>
<dt>Roles</dt><dd id="roles">${page.user.roles === '' ? 'none' : page.user.roles}</dd>
<dt>Signed in since</dt><dd>${day(page.session.auth_time)}</dd>
</dl>
${links}`,
  })

/** The page on which one changes one's password. */
export const renderChangePassword = (page: {
  readonly flow: string
  readonly username: string
  readonly minimum: number
  readonly cookies: readonly string[]
  readonly error?: string
  readonly status?: number
}): Answer =>
  renderPage({
    title: 'Change your password',
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.error !== undefined && html`<p id="error" class="error" role="alert">${page.error}</p>`}
<form method="post" action="${paths.accountPassword}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="username" value="${page.username}" autocomplete="username">
<label>Present password
<input id="current" name="current" type="password" autocomplete="current-password" required maxlength="1024"></label>
<label>New password, at least ${page.minimum} characters
<input id="new" name="new" type="password" autocomplete="new-password" required minlength="${page.minimum}" maxlength="1024"></label>
<p>Afterwards you are signed out everywhere.</p>
<button id="change" type="submit">Change</button>
</form>
${links}`,
  })

export const renderPasswordChanged = (): Answer =>
  renderPage({
    title: 'Your password is changed',
    body: html`<p id="changed">Every session has ended, this one too.</p>
<p><a id="continue" href="${paths.login}">Sign in</a></p>`,
  })

/** From where one is signed in. */
export const renderSessions = (page: {
  readonly flow: string
  readonly sessions: readonly SessionRow[]
  readonly current: string
  readonly cookies: readonly string[]
}): Answer => {
  const end = (
    session: string,
    id: string,
    text: string,
  ): Html => html`<form method="post" action="${paths.accountSessions}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="session" value="${session}">
<button id="${id}" type="submit">${text}</button>
</form>`
  return renderPage({
    title: 'Where you are signed in',
    cookies: page.cookies,
    body: html`<ul id="sessions">${page.sessions.map(
      ({ id, device, address, auth_time }) => html`<li data-session="${id}">
<strong>${device === '' ? 'Unknown program' : device}</strong>, from ${address}, since ${day(auth_time)}
${id === page.current ? html`<em id="this-session">this browser</em>` : end(id, `end-${id}`, 'End')}</li>`,
    )}</ul>
${page.sessions.length > 1 && end('others', 'end-others', 'End all others')}
${links}`,
  })
}

/** Apps that may do something in one's name. */
export const renderApplications = (page: {
  readonly flow: string
  readonly applications: readonly { readonly consent: ConsentRow; readonly name: string }[]
  readonly cookies: readonly string[]
}): Answer =>
  renderPage({
    title: 'Connected applications',
    cookies: page.cookies,
    body: html`${page.applications.length === 0 && html`<p id="no-applications">None.</p>`}
<ul id="applications">${page.applications.map(
      ({ consent, name }) => html`<li data-client="${consent.client_id}">
<strong>${name}</strong>: ${consent.scope}, since ${day(consent.granted_at)}
<form method="post" action="${paths.accountApplications}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="client" value="${consent.client_id}">
<button class="withdraw" type="submit">Withdraw</button>
</form></li>`,
    )}</ul>
${links}`,
  })
