import { paths } from '@gatehouse/core/paths'
import type { Answer } from '../http/endpoint.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'

/** Says that a mail is on its way: the same, whoever it is for and whether there is anybody. */
export const renderMailSent = (
  look: Look,
  page: {
    readonly kind: 'sign_up' | 'recovery' | 'sign_in_link'
    readonly email: string
    readonly minutes: number
    readonly back: string
  },
): Answer =>
  renderPage(look, {
    name: 'mail-sent',
    title: look.text('mail_sent.title'),
    body: html`<p id="sent">${look.html(`mail_sent.${page.kind}`, {
      email: html`<strong id="email">${page.email}</strong>`,
      minutes: page.minutes,
    })}</p>
<p class="hint">${look.text('mail_sent.nothing')}</p>
<p><a id="back" href="${page.back}">${look.text('frame.back')}</a></p>`,
  })

/** Says that a link has been used, has expired, or was replaced, and where to get another. */
export const renderLinkGone = (look: Look, again: string = paths.login): Answer =>
  renderPage(look, {
    name: 'link-gone',
    title: look.text('link_gone.title'),
    status: 404,
    body: html`<p id="link-gone" class="error">${look.text('link_gone.text')}</p>
<p><a id="again" class="button primary" href="${again}">${look.text('link_gone.again')}</a></p>`,
  })
