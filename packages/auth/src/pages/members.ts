import { paths } from '@gatehouse/core/paths'
import type { OrganisationInvitationRow, OrganisationRow } from '@gatehouse/store/rows'
import type { Member } from '@gatehouse/store/tables/memberships'
import type { Answer } from '../http/endpoint.ts'
import { renderAccountPage } from './account.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { membersAddress } from './organisations.ts'
import { buttonForm, errorNotice } from './pieces.ts'

/** An organisation as its administrator sees it. */
export interface MembersPage {
  readonly flow: string
  readonly organisation: Pick<OrganisationRow, 'id' | 'name'>
  readonly members: readonly Member[]
  /** The name after which the list goes on; undefined = it does not. */
  readonly nextAfter: string | undefined
  readonly invitations: readonly OrganisationInvitationRow[]
  /** Roles that can be given, and what each is for. */
  readonly givableRoles: ReadonlyMap<string, string>
  readonly canInvite: boolean
  /** Whose page it is. */
  readonly own: string
  readonly cookies: readonly string[]
  readonly error?: string | undefined
  readonly status?: number
}

/** Members, each with their roles and the way out; who is invited; and a form for one more. */
export const renderMembers = (look: Look, page: MembersPage): Answer =>
  renderAccountPage(look, {
    name: 'account-members',
    path: paths.accountOrganisations,
    title: look.text('members.title', { organisation: page.organisation.name }),
    cookies: page.cookies,
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`${errorNotice(page.error)}
<ul id="members" class="cards">${page.members.map((member) => renderMember(look, page, member))}</ul>
${
  page.nextAfter !== undefined &&
  html`<p><a id="more-members" href="${membersAddress(page.organisation.id, page.nextAfter)}">${look.text('members.more')}</a></p>`
}
${page.invitations.length > 0 && renderInvitations(look, page)}
${page.canInvite && renderInvite(look, page)}
<p><a id="all-organisations" href="${paths.accountOrganisations}">${look.text('members.back')}</a></p>`,
  })

const renderInvite = (look: Look, page: MembersPage): Html => html`<h2>${look.text('members.invite_title')}</h2>
<form id="invite" method="post" action="${paths.accountInvite}">
${fieldsOf(page)}
<label>${look.text('members.email')}
<input id="email" name="email" type="email" autocomplete="off" required maxlength="254"></label>
${renderRoles(look.text('members.roles'), page.givableRoles, '')}
<button id="send-invitation" class="primary" type="submit">${look.text('members.invite')}</button>
</form>`

const fieldsOf = ({ flow, organisation }: MembersPage): Html => html`<input type="hidden" name="flow" value="${flow}">
<input type="hidden" name="organisation" value="${organisation.id}">`

/** Check boxes for the roles that can be given. */
const renderRoles = (
  legend: string,
  givable: ReadonlyMap<string, string>,
  held: string,
): Html => html`<fieldset><legend>${legend}</legend>
${[...givable].map(
  ([role, description]) =>
    html`<label class="check"><input type="checkbox" name="role" value="${role}"${
      held.split(' ').includes(role) && html` checked`
    }><span>${role}${description !== '' && html` <span class="hint">${description}</span>`}</span></label>`,
)}
</fieldset>`

function renderMember(look: Look, page: MembersPage, member: Member): Html {
  const { user_id, username, roles, version, created_at, status } = member
  const others = roles.split(' ').filter((role) => role !== '' && !page.givableRoles.has(role))
  const disabled = status === 'disabled' && html`, ${look.text('members.disabled')}`
  return html`<li data-member="${user_id}"><div><p class="who">${username}${
    user_id === page.own && html` <em id="you">(${look.text('members.you')})</em>`
  }</p>
<p class="hint">${look.html('members.since', { date: look.date(created_at) })}${disabled}</p>
${others.length > 0 && html`<p class="hint">${look.text('members.other_roles', { roles: others.join(', ') })}</p>`}</div>
<form method="post" action="${paths.accountMemberRoles}">
${fieldsOf(page)}
<input type="hidden" name="member" value="${user_id}">
<input type="hidden" name="version" value="${version}">
${renderRoles(look.text('members.roles_of', { username }), page.givableRoles, roles)}
<button class="save-roles small" type="submit" aria-label="${look.text('members.save')}: ${username}">${look.text('members.save')}</button>
</form>
${buttonForm({
  action: paths.accountRemoveMember,
  fields: { flow: page.flow, organisation: page.organisation.id, member: user_id },
  className: 'remove-member small danger',
  text: look.text('members.remove'),
  about: username,
})}</li>`
}

const renderInvitations = (look: Look, page: MembersPage): Html => html`<h2>${look.text('members.invited_title')}</h2>
<ul id="invitations" class="cards">${page.invitations.map(
  ({ email, roles, expires_at }) => html`<li data-invitation="${email}"><div><p class="who">${email}</p>
<p class="hint">${roles === '' ? look.text('organisations.member') : roles}, ${look.html('members.invited_until', { date: look.moment(expires_at) })}</p></div>
${buttonForm({
  action: paths.accountWithdrawInvitation,
  fields: { flow: page.flow, organisation: page.organisation.id, email },
  className: 'withdraw-invitation small danger',
  text: look.text('members.withdraw'),
  about: email,
})}</li>`,
)}</ul>`
