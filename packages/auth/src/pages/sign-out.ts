import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import { renderPage } from './page.ts'

/** Asks whether to sign out: no other site can do it for people. */
export const renderSignOut = (page: {
  readonly flow: string
  readonly action: string
  readonly username: string
  readonly cookies: readonly string[]
}): Answer =>
  renderPage({
    title: 'Sign out?',
    cookies: page.cookies,
    body: html`<p>You are signed in as <strong id="username">${page.username}</strong>.</p>
<form method="post" action="${page.action}">
<input type="hidden" name="flow" value="${page.flow}">
<button id="sign-out" type="submit">Sign out</button>
</form>`,
  })

/** Seconds that apps in frames have before one is sent back. */
const frameSeconds = 2

/** Says that one has signed out, loads the pages of apps that have to know, and leads back where that was asked for. */
export const renderSignedOut = (page: {
  readonly frames: readonly string[]
  readonly back: string | undefined
  readonly cookies: readonly string[]
}): Answer => {
  const rendered = renderPage({
    title: 'You are signed out',
    frames: page.frames,
    cookies: page.cookies,
    body: html`<p id="signed-out">Close the browser window if others use this computer.</p>
${page.back !== undefined && html`<p><a id="continue" href="${page.back}">Back to the app</a></p>`}
${page.frames.map((frame) => html`<iframe hidden src="${frame}" title="Signs out of an app"></iframe>`)}`,
  })
  if (page.back === undefined) return rendered
  // By a header, since a page of ours has no script that could do it.
  return { ...rendered, headers: { ...rendered.headers, refresh: `${frameSeconds}; url=${page.back}` } }
}
