import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import { admitInvited, hasAccount } from '../domain/invitations.ts'
import type { MailedProofs } from '../domain/mailed-proofs.ts'
import { acceptInvitation, findInvitation, hashInvitation, isFor } from '../domain/organisation-invitations.ts'
import type { OrganisationPolicy } from '../domain/organisations.ts'
import type { SignUpPolicy } from '../domain/sign-up.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { renderInvitationGone, renderJoin } from '../pages/join.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { findAsker } from './browser-asker.ts'

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly organisationPolicy: () => OrganisationPolicy | undefined
  readonly signUpPolicy: () => SignUpPolicy
  readonly proofs: MailedProofs
  readonly cookies: Pick<Cookies, 'findBrowser'>
}

const formSchema = Type.Object({ flow: Type.String() })

/**
 * The page that the link of an invitation leads to, and its form. Opening the link uses nothing up: mail scanners open it
 * too. Whoever has to sign in first comes back here; the token goes into no address and no row, what stays is its hash.
 */
export function joinEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = { path: paths.join, answers: { 200: null, 303: null, 404: null }, errorPage: renderErrorPage }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people answer an invitation into an organisation',
      bodyKind: 'none',
      errors: ['invalid_request', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
      handle: (request) => show(dependencies, request),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Makes whoever was invited a member',
      bodyKind: 'form',
      body: formSchema,
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      handle: (request) => join(dependencies, request),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      path: paths.joinAccount,
      summary: 'Leads whoever was invited to opening an account, and back',
      bodyKind: 'form',
      body: formSchema,
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      handle: (request) => openAccount(dependencies, request),
    }),
  ]
}

async function show(dependencies: Dependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const { flows, browserSessions, organisationPolicy } = dependencies
  const { token, flow: id } = parseForm(http.query)
  if (!organisationPolicy()) return renderInvitationGone(http.look)
  if (token === undefined) {
    const flow = await flows.get(http, id)
    return showInvitation(dependencies, http.look, flow, await browserSessions.find(http.headers))
  }
  const invitation = hashInvitation(token)
  if (invitation === undefined || !(await findInvitation(dependencies, invitation))) {
    return renderInvitationGone(http.look)
  }
  const begun = await flows.begin(http, { kind: 'join', parameters: JSON.stringify({ invitation }) })
  return redirectTo(`${paths.join}?flow=${begun.flow.id}`, begun.cookies)
}

/** The hash of the invitation that a flow is about. Error: `not_found` where it is of another kind. */
function invitationOf({ kind, parameters }: Flow): string {
  if (kind !== 'join') throw new GatehouseError('not_found')
  const { invitation } = JSON.parse(parameters) as { readonly invitation: string } // written by `show` above
  return invitation
}

async function showInvitation(
  dependencies: Dependencies,
  look: Look,
  flow: Flow,
  browser: BrowserSession | undefined,
  status?: number,
): Promise<Answer> {
  const found = await findInvitation(dependencies, invitationOf(flow))
  if (!found) return renderInvitationGone(look)
  const { invitation, organisation } = found
  return renderJoin(look, {
    flow: flow.id,
    organisation,
    invitation,
    visitor: browser && {
      username: browser.user.username,
      isInvited: isFor(invitation, browser.user),
    },
    canSignUp: mayOpenAccount(dependencies) && !(await hasAccount(dependencies, invitation.email)),
    ...(status === undefined ? {} : { status }),
  })
}

/** Who is invited can open an account, unless nobody can. */
const mayOpenAccount = ({ signUpPolicy }: Dependencies): boolean => signUpPolicy().mode !== 'off'

/**
 * The link of the invitation has shown that its address is read by whoever has it: what is left is to choose a password, and
 * then the flow goes on here.
 */
async function openAccount(
  dependencies: Dependencies,
  http: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { body, headers, address, requestId, look } = http
  checkSameOrigin(headers, dependencies.issuer)
  const flow = await dependencies.flows.get(http, body.flow)
  const found = await findInvitation(dependencies, invitationOf(flow))
  if (!found || !mayOpenAccount(dependencies)) return renderInvitationGone(look)
  const { email, invited_by } = found.invitation
  const asker = findAsker(dependencies, headers)
  const invited = { email, asker, flow: flow.id, locale: look.locale, invitation: found.invitation.hash }
  try {
    return redirectTo(await admitInvited(dependencies, invited, { actor: invited_by, address, request_id: requestId }))
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'already_exists') throw error
    return redirectTo(`${paths.login}?flow=${flow.id}`)
  }
}

async function join(
  dependencies: Dependencies,
  http: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { issuer, flows, browserSessions } = dependencies
  const { body, headers, address, requestId, look } = http
  checkSameOrigin(headers, issuer)
  const policy = dependencies.organisationPolicy()
  const flow = await flows.get(http, body.flow)
  const invitation = invitationOf(flow)
  const browser = await browserSessions.find(headers)
  if (!policy || !browser) return showInvitation(dependencies, look, flow, browser)
  const by = { actor: browser.user.id, address, request_id: requestId }
  try {
    await acceptInvitation({ ...dependencies, policy }, { hash: invitation, user: browser.user }, by, (tables) =>
      flows.consume(tables, flow),
    )
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    if (error.code === 'not_found') return renderInvitationGone(look)
    if (error.code === 'forbidden') return showInvitation(dependencies, look, flow, browser, error.status)
    throw error
  }
  return redirectTo(paths.accountOrganisations)
}
