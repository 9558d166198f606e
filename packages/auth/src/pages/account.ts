import type { ClientId, Seconds } from '@gatehouse/core/brand'
import { paths } from '@gatehouse/core/paths'
import type { FactorRow, SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { nameDevice } from './device-name.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { type Page, renderPage } from './page.ts'
import { passkeyList } from './passkeys.ts'
import { buttonForm, errorNotice, signedInAs } from './pieces.ts'

/** The pages of an account, in the order in which they are offered. */
const accountPages: readonly (readonly [path: string, text: MessageKey])[] = [
  [paths.account, 'account.nav_overview'],
  [paths.accountProfile, 'account.nav_profile'],
  [paths.accountPassword, 'account.nav_password'],
  [paths.accountSecurity, 'account.nav_security'],
  [paths.accountSessions, 'account.nav_sessions'],
  [paths.accountApplications, 'account.nav_applications'],
  [paths.pendingRequests, 'account.nav_requests'],
  [paths.accountLinked, 'account.nav_linked'],
  [paths.accountOrganisations, 'account.nav_organisations'],
  [paths.accountHistory, 'account.nav_history'],
  [paths.accountData, 'account.nav_data'],
]

/** A page of the account, with the way to the others. `path`: which one it is. */
export function renderAccountPage(
  look: Look,
  { path, ...page }: Omit<Page, 'nav'> & { readonly path: string },
): Answer {
  const nav = html`<nav class="account" aria-label="${look.text('account.nav')}"><ul>
${accountPages
  .filter(([target]) => target !== paths.accountOrganisations || look.offers.organisations)
  .filter(([target]) => target !== paths.accountLinked || look.offers.linked)
  .filter(([target]) => target !== paths.pendingRequests || look.offers.requests)
  .map(
    ([target, text]) =>
      html`<li><a href="${target}"${target === path && html` aria-current="page"`}>${look.text(text)}</a></li>`,
  )}
<li><a id="sign-out-link" href="${paths.endSession}">${look.text('account.sign_out')}</a></li>
</ul></nav>`
  return renderPage(look, { ...page, nav })
}

/** The page of second factors. */
export interface SecurityPage {
  readonly flow: string
  readonly username: string
  readonly factors: readonly FactorRow[]
  readonly codesLeft: number
  readonly cookies: readonly string[]
  readonly error?: string
  readonly status?: number
}

const renderFactor = (look: Look, flow: string, { id, name, created_at, last_used_at }: FactorRow): Html => {
  const used = last_used_at !== null && html`, ${look.html('security.last_used', { date: look.date(last_used_at) })}`
  return html`<li data-factor="${id}"><div><p class="who">${name}</p>
<p class="hint">${look.html('security.since', { date: look.date(created_at) })}${used}</p></div>
${buttonForm({
  action: paths.accountRemoveFactor,
  fields: { flow, factor: id },
  className: 'remove small danger',
  text: look.text('security.remove'),
  about: name,
})}</li>`
}

/** Second factors: what there is, and what can be added. */
export const renderSecurity = (
  look: Look,
  { flow, username, factors, codesLeft, cookies, error, ...answered }: SecurityPage,
): Answer =>
  renderAccountPage(look, {
    ...answered,
    name: 'account-security',
    path: paths.accountSecurity,
    title: look.text('security.title'),
    cookies,
    body: html`${errorNotice(error)}
${signedInAs(look, username)}
${factors.length === 0 && html`<p id="no-factors">${look.text('security.none')}</p>`}
${passkeyList(
  look,
  flow,
  factors.filter(({ kind }) => kind === 'passkey'),
)}
<h2>${look.text('security.apps')}</h2>
<ul id="factors" class="cards">${factors.filter(({ kind }) => kind === 'totp').map((factor) => renderFactor(look, flow, factor))}</ul>
${buttonForm({
  action: paths.accountTotp,
  fields: { flow },
  id: 'add-totp',
  className: 'secondary',
  text: look.text('security.add_app'),
})}
${
  factors.length > 0 &&
  html`<h2>${look.text('security.recovery_codes')}</h2>
<p>${look.html('security.codes_left', { count: html`<span id="codes-left">${codesLeft}</span>` })}</p>
${buttonForm({
  action: paths.accountRecoveryCodes,
  fields: { flow },
  id: 'renew-codes',
  className: 'secondary',
  text: look.text('security.renew_codes'),
})}`
}`,
  })

/** The first page of one's account. */
export const renderAccount = (
  look: Look,
  page: {
    readonly user: UserRow
    readonly session: SessionRow
    /** Whether a client waits for a decision. */
    readonly isAsked: boolean
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account',
    path: paths.account,
    title: look.text('account.title'),
    body: html`${
      page.isAsked &&
      html`<p id="waiting" class="notice"><a href="${paths.pendingRequests}">${look.text('account.waiting')}</a></p>`
    }
<dl>
<dt>${look.text('account.username')}</dt><dd id="username">${page.user.username}</dd>
<dt>${look.text('account.roles')}</dt><dd id="roles">${page.user.roles === '' ? look.text('account.no_roles') : page.user.roles}</dd>
<dt>${look.text('account.signed_in_since')}</dt><dd>${look.moment(page.session.auth_time)}</dd>
</dl>`,
  })

/** The page on which one changes one's password. */
export const renderChangePassword = (
  look: Look,
  page: {
    readonly flow: string
    readonly username: string
    readonly minimum: number
    readonly cookies: readonly string[]
    readonly error?: string
    readonly status?: number
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account-password',
    path: paths.accountPassword,
    title: look.text('password.title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<form method="post" action="${paths.accountPassword}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="username" autocomplete="username" value="${page.username}">
<label>${look.text('password.current')}
<input id="current" name="current" type="password" autocomplete="current-password" required maxlength="1024"></label>
<label>${look.text('password.new', { minimum: page.minimum })}
<input id="new" name="new" type="password" autocomplete="new-password" required minlength="${page.minimum}" maxlength="1024"></label>
<p class="hint">${look.text('password.signs_out')}</p>
<button id="change" class="primary" type="submit">${look.text('password.change')}</button>
</form>`,
  })

export const renderPasswordChanged = (look: Look): Answer =>
  renderPage(look, {
    name: 'password-changed',
    title: look.text('password.changed'),
    body: html`<p id="changed">${look.text('password.sessions_ended')}</p>
<p><a id="continue" class="button primary" href="${paths.login}">${look.text('sign_in.title')}</a></p>`,
  })

/** From where one is signed in. */
export const renderSessions = (
  look: Look,
  page: {
    readonly flow: string
    readonly sessions: readonly SessionRow[]
    /** How many there are besides. */
    readonly hidden: number
    readonly current: string
    readonly cookies: readonly string[]
  },
): Answer => {
  const end = (session: string, id: string, text: string, about?: string): Html =>
    buttonForm({
      action: paths.accountSessions,
      fields: { flow: page.flow, session },
      id,
      className: session === 'others' ? 'danger' : 'small danger',
      text,
      ...(about === undefined ? {} : { about }),
    })
  const renderSession = ({ id, device, address, auth_time }: SessionRow): Html => {
    const name = device === '' ? look.text('sessions.unknown_program') : nameDevice(device)
    return html`<li data-session="${id}"><div><p class="who">${name}</p>
<p class="hint">${look.html('sessions.from_since', { address, date: look.moment(auth_time) })}</p></div>
${
  id === page.current
    ? html`<em id="this-session">${look.text('sessions.this_browser')}</em>`
    : end(id, `end-${id}`, look.text('sessions.end'), name)
}</li>`
  }
  return renderAccountPage(look, {
    name: 'account-sessions',
    path: paths.accountSessions,
    title: look.text('sessions.title'),
    cookies: page.cookies,
    body: html`<ul id="sessions" class="cards">${page.sessions.map(renderSession)}</ul>
${page.hidden > 0 && html`<p id="hidden-sessions">${look.text('sessions.hidden', { count: page.hidden })}</p>`}
${page.sessions.length > 1 && end('others', 'end-others', look.text('sessions.end_others'))}`,
  })
}

/** Apps that may do something in one's name. */
export interface ConnectedApplication {
  readonly client: ClientId
  readonly name: string
  readonly scope: string
  readonly since: Seconds
}

/** The page of connected applications. */
export const renderApplications = (
  look: Look,
  page: {
    readonly flow: string
    readonly applications: readonly ConnectedApplication[]
    readonly cookies: readonly string[]
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account-applications',
    path: paths.accountApplications,
    title: look.text('applications.title'),
    cookies: page.cookies,
    body: html`${page.applications.length === 0 && html`<p id="no-applications">${look.text('applications.none')}</p>`}
<ul id="applications" class="cards">${page.applications.map(
      ({ client, name, scope, since }) => html`<li data-client="${client}"><div><p class="who">${name}</p>
<p class="hint">${scope}, ${look.html('applications.since', { date: look.date(since) })}</p></div>
${buttonForm({
  action: paths.accountApplications,
  fields: { flow: page.flow, client },
  className: 'withdraw small danger',
  text: look.text('applications.withdraw'),
  about: name,
})}</li>`,
    )}</ul>`,
  })
