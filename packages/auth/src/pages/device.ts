import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import { renderAccountPage } from './account.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { errorNotice, signedInAs } from './pieces.ts'

/** The page on which one types the code that a device shows. */
export interface UserCodePage {
  readonly action: string
  /** As it was typed, or came with the address. */
  readonly userCode?: string | undefined
  /** What went wrong with the last try. */
  readonly error?: string | undefined
  readonly status?: number
}

/** A form for a user code. A code that came with the address is shown, to be compared: RFC 8628 section 3.3.1. */
export const renderUserCode = (look: Look, page: UserCodePage): Answer =>
  renderPage(look, {
    name: 'device',
    title: look.text('device.title'),
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<p>${look.text('device.compare')}</p>
<form method="post" action="${page.action}">
<label>${look.text('device.code')}
<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="40" placeholder="XXXX-XXXX" value="${page.userCode ?? ''}"></label>
<button id="continue" class="primary" type="submit">${look.text('frame.continue')}</button>
</form>`,
  })

/** What people should know before they decide: what the client says of it, and from where it was asked. */
export const requestNotes = (
  look: Look,
  request: { readonly message: string | null; readonly address: string; readonly isDevice: boolean },
): Html => html`
${
  request.message !== null &&
  html`<p>${look.html('consent.says', { message: html`<strong id="binding-message">${request.message}</strong>` })}</p>`
}
<p>${look.html('consent.asked_from', { address: html`<strong id="asked-from">${request.address}</strong>` })}
${look.text(request.isDevice ? 'consent.device_before_you' : 'consent.know_about')}</p>`

/** What has come of a decision, and how to the next one. */
export const renderDecided = (
  look: Look,
  page: { readonly decision: 'allow' | 'deny'; readonly client: string; readonly more?: string | undefined },
): Answer => {
  const isAllowed = page.decision === 'allow'
  const client = html`<strong>${page.client}</strong>`
  return renderPage(look, {
    name: 'decided',
    title: look.text(isAllowed ? 'device.allowed_title' : 'device.denied_title'),
    body: html`<p id="${isAllowed ? 'done' : 'denied'}">${look.html(isAllowed ? 'device.allowed' : 'device.denied', { client })}</p>
${page.more !== undefined && html`<p><a id="more" href="${page.more}">${look.text('device.more')}</a></p>`}`,
  })
}

/** A request that waits for its user. */
export interface WaitingRequest {
  readonly link: string
  readonly client: string
  readonly message: string | undefined
}

/** What waits for a user's decision: a page of the account. */
export const renderWaitingRequests = (
  look: Look,
  page: { readonly username: string; readonly requests: readonly WaitingRequest[] },
): Answer =>
  renderAccountPage(look, {
    name: 'waiting-requests',
    path: paths.pendingRequests,
    title: look.text('waiting.title'),
    body: html`${
      page.requests.length === 0
        ? html`<p id="nothing">${look.text('waiting.nothing')}</p>`
        : html`<ul id="requests" class="cards">${page.requests.map(
            ({ link, client, message }) =>
              html`<li><div><a href="${link}">${client}</a>${message !== undefined && html`: <em>${message}</em>`}</div></li>`,
          )}</ul>`
    }
${signedInAs(look, page.username)}`,
  })
