import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { buttonForm, signedInAs } from './pieces.ts'

/** Asks whether to sign out: no other site can do it for people. */
export const renderSignOut = (
  look: Look,
  page: {
    readonly flow: string
    readonly action: string
    readonly username: string
    /** Whether one signs out at a provider too. */
    readonly leadsToProvider: boolean
    readonly cookies: readonly string[]
  },
): Answer =>
  renderPage(look, {
    name: 'sign-out',
    title: look.text('sign_out.title'),
    cookies: page.cookies,
    leadsAnywhere: page.leadsToProvider,
    body: html`${signedInAs(look, page.username)}
${buttonForm({
  action: page.action,
  fields: { flow: page.flow },
  id: 'sign-out',
  className: 'primary',
  text: look.text('sign_out.submit'),
})}`,
  })

/** Seconds that apps in frames have before one is sent back. */
const frameSeconds = 2

/** Says that one has signed out, loads the pages of apps that have to know, and leads back where that was asked for. */
export const renderSignedOut = (
  look: Look,
  page: {
    readonly frames: readonly string[]
    readonly back: string | undefined
    readonly cookies: readonly string[]
  },
): Answer =>
  renderPage(look, {
    name: 'signed-out',
    title: look.text('sign_out.done'),
    frames: page.frames,
    cookies: page.cookies,
    // By a header, since a page of ours has no script that could do it.
    headers: page.back === undefined ? undefined : { refresh: `${frameSeconds}; url=${page.back}` },
    body: html`<p id="signed-out">${look.text('sign_out.close')}</p>
${page.back !== undefined && html`<p><a id="continue" href="${page.back}">${look.text('frame.back_to_app')}</a></p>`}
${page.frames.map((frame) => html`<iframe hidden src="${frame}" title="${look.text('sign_out.frame')}"></iframe>`)}`,
  })
