import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import { renderPage } from './page.ts'

/** The page on which one types the code that a device shows. */
export interface UserCodePage {
  readonly action: string
  /** As it was typed, or came with the address. */
  readonly userCode?: string | undefined
  /** What went wrong with the last try. */
  readonly error?: string | undefined
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A form for a user code. A code that came with the address is shown, to be compared: RFC 8628 section 3.3.1. */
export function renderUserCode(page: UserCodePage): Answer {
  const rendered = renderPage({
    title: 'Connect a device',
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${page.error !== undefined && html`<p id="error" class="error" role="alert">${page.error}</p>`}
<p>Go on only if your own device shows this very code.</p>
<form method="post" action="${page.action}">
<label>Code on the device
<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="40" placeholder="XXXX-XXXX" value="${page.userCode ?? ''}"></label>
<button id="continue" type="submit">Continue</button>
</form>`,
  })
  return page.headers ? { ...rendered, headers: { ...rendered.headers, ...page.headers } } : rendered
}

/** What has come of a decision, and how to the next one. */
export const renderDecided = (page: {
  readonly decision: 'allow' | 'deny'
  readonly client: string
  readonly more?: string | undefined
}): Answer =>
  renderPage({
    title: page.decision === 'allow' ? 'Done' : 'Denied',
    body: html`<p id="${page.decision === 'allow' ? 'done' : 'denied'}">${
      page.decision === 'allow'
        ? html`<strong>${page.client}</strong> has been let in. You can close this page and go back to it.`
        : html`<strong>${page.client}</strong> gets nothing. If you did not ask for this, somebody else may have.`
    }</p>
${page.more !== undefined && html`<p><a id="more" href="${page.more}">What else waits for you</a></p>`}`,
  })

/** A request that waits for its user. */
export interface WaitingRequest {
  readonly link: string
  readonly client: string
  readonly message: string | undefined
}

/** What waits for a user's decision. */
export const renderWaitingRequests = (page: {
  readonly username: string
  readonly requests: readonly WaitingRequest[]
}): Answer =>
  renderPage({
    title: 'Waiting for you',
    body: html`${
      page.requests.length === 0
        ? html`<p id="nothing">Nothing waits for a decision of yours.</p>`
        : html`<ul id="requests">${page.requests.map(
            ({ link, client, message }) =>
              html`<li><a href="${link}">${client}</a>${message !== undefined && html`: <em>${message}</em>`}</li>`,
          )}</ul>`
    }
<p>You are signed in as <strong id="username">${page.username}</strong>.</p>`,
  })
