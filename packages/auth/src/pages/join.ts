import { paths } from '@gatehouse/core/paths'
import type { OrganisationInvitationRow, OrganisationRow } from '@gatehouse/store/rows'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { buttonForm, signedInAs } from './pieces.ts'

/** The page on which one answers an invitation. */
export interface JoinPage {
  readonly flow: string
  readonly organisation: Pick<OrganisationRow, 'name'>
  readonly invitation: Pick<OrganisationInvitationRow, 'email'>
  /** Who has signed in, and whether the invitation is theirs; undefined = nobody. */
  readonly visitor: { readonly username: string; readonly isInvited: boolean } | undefined
  /** Whether an account can be opened with the address. */
  readonly canSignUp: boolean
  readonly status?: number
}

/** Who invites whom, and what whoever looks at it can do. */
export const renderJoin = (look: Look, page: JoinPage): Answer =>
  renderPage(look, {
    name: 'join',
    title: look.text('join.title', { organisation: page.organisation.name }),
    ...(page.status === undefined ? {} : { status: page.status }),
    body: html`<p>${look.html('join.invited', {
      organisation: html`<strong id="organisation">${page.organisation.name}</strong>`,
      email: html`<strong id="invited-email">${page.invitation.email}</strong>`,
    })}</p>
${waysToAnswer(look, page)}`,
  })

function waysToAnswer(look: Look, { flow, visitor, canSignUp }: JoinPage): Html {
  const openAccount =
    canSignUp &&
    buttonForm({
      action: paths.joinAccount,
      fields: { flow },
      id: 'sign-up-to-join',
      className: 'primary',
      text: look.text('join.sign_up'),
    })
  const login = `${paths.login}?flow=${flow}`
  if (!visitor) {
    const className = canSignUp ? 'button' : 'button primary'
    return html`${openAccount}
<p><a id="sign-in-to-join" class="${className}" href="${login}">${look.text('join.sign_in')}</a></p>`
  }
  if (!visitor.isInvited) {
    return html`<p id="other-address" class="error" role="alert">${look.text('join.other_address')}</p>
${signedInAs(look, visitor.username)}
${openAccount}
<p><a id="other-account" class="button" href="${login}">${look.text('join.other_account')}</a></p>`
  }
  return html`${signedInAs(look, visitor.username)}
<form method="post" action="${paths.join}">
<input type="hidden" name="flow" value="${flow}">
<button id="join" class="primary" type="submit">${look.text('join.accept')}</button>
</form>
<p><a id="other-account" href="${login}">${look.text('join.other_account')}</a></p>`
}

/** What is said of an invitation that is used, withdrawn, expired or none at all: always the same. */
export const renderInvitationGone = (look: Look): Answer =>
  renderPage(look, {
    name: 'join-gone',
    title: look.text('join.gone_title'),
    status: 404,
    body: html`<p id="invitation-gone">${look.text('join.gone')}</p>`,
  })
