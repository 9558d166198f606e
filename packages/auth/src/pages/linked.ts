import { paths } from '@gatehouse/core/paths'
import type { LinkedIdentityRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import { renderAccountPage } from './account.ts'
import { html } from './html.ts'
import type { Look } from './look.ts'
import { buttonForm, errorNotice } from './pieces.ts'

/** The page of accounts elsewhere. */
export interface LinkedPage {
  readonly flow: string
  /** With how people know the provider. */
  readonly identities: readonly (Pick<LinkedIdentityRow, 'provider' | 'subject' | 'label' | 'created_at'> & {
    readonly title: string
  })[]
  /** What can be linked. */
  readonly providers: readonly { readonly name: string; readonly title: string }[]
  readonly error?: string | undefined
  readonly status?: number
  readonly cookies: readonly string[]
}

/** Accounts elsewhere: those that sign in here, and what can be added. */
export const renderLinked = (look: Look, page: LinkedPage): Answer =>
  renderAccountPage(look, {
    name: 'account-linked',
    path: paths.accountLinked,
    title: look.text('linked.title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`<p>${look.text('linked.about')}</p>
${errorNotice(page.error)}
${page.identities.length === 0 && html`<p id="no-linked">${look.text('linked.none')}</p>`}
<ul id="linked" class="cards">${page.identities.map(
      ({
        provider,
        subject,
        label,
        title,
        created_at,
      }) => html`<li data-provider="${provider}"><div><p class="who">${title}</p>
<p class="hint">${look.html('linked.since', { account: label, date: look.date(created_at) })}</p></div>
${buttonForm({
  action: paths.accountUnlink,
  fields: { flow: page.flow, provider, subject },
  className: 'unlink small danger',
  text: look.text('linked.remove'),
  about: title,
})}</li>`,
    )}</ul>
<ul id="linkable" class="ways">${page.providers.map(
      ({ name, title }) =>
        html`<li><a id="link-${name}" href="${paths.accountLink}?provider=${name}&amp;flow=${page.flow}">${look.text('linked.add', { provider: title })}</a></li>`,
    )}</ul>`,
  })
