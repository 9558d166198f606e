import type { Answer } from '../http/endpoint.ts'
import type { InboxMail } from '../mail/outbox.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'

/** The inbox of development mode, the newest mail first. */
export const renderInbox = (look: Look, mails: readonly InboxMail[]): Answer =>
  renderPage(look, {
    name: 'inbox',
    title: look.text('inbox.title'),
    body: html`${mails.length === 0 && html`<p id="no-mails">${look.text('inbox.none')}</p>`}
<ul id="mails" class="cards">${mails.map((mail) => renderMail(look, mail))}</ul>`,
  })

/** The text with its links, and the HTML as its source: it is shown, and never run. */
const renderMail = (look: Look, mail: InboxMail): Html => html`<li data-kind="${mail.kind}"><article>
<h2>${mail.subject}</h2>
<p class="hint"><span class="to">${mail.to}</span>, ${look.moment(mail.createdAt)}</p>
${mail.text.split('\n\n').map((part) => html`<p>${withLink(part, mail.link)}</p>`)}
${mail.code !== undefined && html`<p>${look.text('inbox.code')} <code class="code">${mail.code}</code></p>`}
<details><summary>${look.text('inbox.source')}</summary><pre>${mail.html}</pre></details>
</article></li>`

const withLink = (part: string, link: string | undefined): Html =>
  part === link ? html`<a class="link" href="${part}">${part}</a>` : html`${part}`
