import { paths } from '@gatehouse/core/paths'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'
import type { Answer } from '../http/endpoint.ts'
import { renderAccountPage } from './account.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { buttonForm, errorNotice, signedInAs } from './pieces.ts'

/** The page on which one says for which organisation one acts. */
export interface ChooseOrganisationPage {
  readonly flow: string
  readonly username: string
  readonly session: string
  readonly memberships: readonly MembershipOfUser[]
  readonly leadsTo: readonly string[]
}

/** One button for each organisation. */
export const renderChooseOrganisation = (look: Look, page: ChooseOrganisationPage): Answer =>
  renderPage(look, {
    name: 'choose-organisation',
    title: look.text('organisations.choose_title'),
    leadsTo: page.leadsTo,
    body: html`<p class="hint">${look.text('organisations.choose_hint')}</p>
<form id="choose-organisation" method="post" action="${paths.loginOrganisation}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="session" value="${page.session}">
<ul class="choices">${page.memberships.map(
      ({ organisation_id, name }) =>
        html`<li><button class="secondary" type="submit" name="organisation" value="${organisation_id}">${name}</button></li>`,
    )}</ul>
</form>
${signedInAs(look, page.username)}`,
  })

/** The address of the page of an organisation's members, from after a name on. */
export function membersAddress(organisation: string, after?: string): string {
  const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
  return `${paths.accountMembers}?organisation=${encodeURIComponent(organisation)}${from}`
}

/** One's own organisations. */
export interface OrganisationsPage {
  readonly flow: string
  readonly memberships: readonly MembershipOfUser[]
  readonly picked: string | null
  /** Whether one looks after the members of an organisation. */
  readonly looksAfter: (membership: MembershipOfUser) => boolean
  readonly cookies: readonly string[]
  readonly error?: string | undefined
  readonly status?: number
}

/** The organisations that one belongs to, as what, and the ways out of them and to their members. */
export const renderOrganisations = (look: Look, page: OrganisationsPage): Answer =>
  renderAccountPage(look, {
    name: 'account-organisations',
    path: paths.accountOrganisations,
    title: look.text('organisations.title'),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
${
  page.memberships.length === 0
    ? html`<p id="no-organisations">${look.text('organisations.none')}</p>`
    : html`<ul id="organisations" class="cards">${page.memberships.map((own) => renderOwn(look, page, own))}</ul>
<p class="hint">${look.text('organisations.leave_hint')}</p>`
}`,
  })

function renderOwn(look: Look, page: OrganisationsPage, membership: MembershipOfUser): Html {
  const { organisation_id, slug, name, roles } = membership
  const button = (action: string, id: string, className: string, text: string): Html =>
    buttonForm({ action, fields: { flow: page.flow, organisation: organisation_id }, id, className, text, about: name })
  const isPicked = organisation_id === page.picked
  return html`<li data-organisation="${slug}"><div><p class="who">${name}</p>
<p class="hint">${roles === '' ? look.text('organisations.member') : roles}</p>
${isPicked && html`<p class="hint" id="picked">${look.text('organisations.picked')}</p>`}</div>
${
  page.looksAfter(membership) &&
  html`<a id="members-${slug}" class="button small" href="${membersAddress(organisation_id)}">${look.text('organisations.members')}</a>`
}
${
  page.memberships.length > 1 &&
  !isPicked &&
  button(paths.accountPickOrganisation, `pick-${slug}`, 'small', look.text('organisations.pick'))
}
${button(paths.accountLeaveOrganisation, `leave-${slug}`, 'small danger', look.text('organisations.leave'))}</li>`
}
