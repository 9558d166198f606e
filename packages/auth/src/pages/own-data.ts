import { paths } from '@gatehouse/core/paths'
import type { AuditEventRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import { isMessageKey } from '../messages/messages.ts'
import { renderAccountPage } from './account.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { buttonForm, errorNotice } from './pieces.ts'

/** What an event is called; one that has no name of its own is shown by its type. */
function tellEvent(look: Look, { type, result }: AuditEventRow): string {
  const key = type === 'sign_in' && result !== 'ok' ? 'history.sign_in_failed' : `history.${type}`
  return isMessageKey(key) ? look.text(key) : type
}

const renderEvent = (look: Look, event: AuditEventRow): Html => html`<li data-event="${event.type}"><div>
<p class="who">${tellEvent(look, event)}${event.count > 1 && html` (${look.text('history.times', { count: event.count })})`}</p>
<p class="hint">${look.moment(event.at)}${event.address !== null && html` · ${event.address}`}</p></div></li>`

/** What has happened to one's account. */
export const renderHistory = (
  look: Look,
  page: {
    readonly events: readonly AuditEventRow[]
    /** The last event of this page, where there are older ones. */
    readonly older: number | undefined
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account-history',
    path: paths.accountHistory,
    title: look.text('history.title'),
    body: html`<p>${look.text('history.about')}</p>
${page.events.length === 0 && html`<p id="no-events">${look.text('history.none')}</p>`}
<ul id="events" class="cards">${page.events.map((event) => renderEvent(look, event))}</ul>
${page.older !== undefined && html`<p><a id="older" href="${paths.accountHistory}?before=${page.older}">${look.text('history.older')}</a></p>`}`,
  })

/** What is kept of one, to be taken away or removed. */
export const renderOwnData = (
  look: Look,
  page: {
    readonly flow: string
    readonly username: string
    readonly cookies: readonly string[]
    readonly error?: string
    readonly status?: number
  },
): Answer =>
  renderAccountPage(look, {
    name: 'account-data',
    path: paths.accountData,
    title: look.text('data.title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p>${look.text('data.download_about')}</p>
${buttonForm({
  action: paths.accountDownload,
  fields: { flow: page.flow },
  id: 'download',
  className: 'secondary',
  text: look.text('data.download'),
})}
<h2>${look.text('data.delete_title')}</h2>
<p>${look.text('data.delete_about')}</p>
<form method="post" action="${paths.accountDelete}">
<input type="hidden" name="flow" value="${page.flow}">
<label>${look.text('data.delete_confirm', { username: page.username })}
<input id="confirm-username" name="username" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="255"></label>
<button id="delete-account" class="danger" type="submit">${look.text('data.delete')}</button>
</form>`,
  })

export const renderAccountDeleted = (look: Look, page: { readonly cookies: readonly string[] }): Answer =>
  renderPage(look, {
    name: 'account-deleted',
    title: look.text('data.deleted_title'),
    cookies: page.cookies,
    body: html`<p id="deleted">${look.text('data.deleted')}</p>`,
  })
