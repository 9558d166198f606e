import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { twoFactors } from '../domain/acr.ts'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import type { RoleRules } from '../domain/effective-access.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { Actor } from '../domain/users.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import type { Answer, EndpointRequest } from '../http/endpoint.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'

export interface OwnerDependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly secondFactors: Pick<SecondFactors, 'list'>
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
  readonly roleRules: () => RoleRules
}

/** Whose account a page is, and the flow that its forms carry. */
export interface Owner extends BrowserSession {
  readonly flow: Flow
  /** To be set with the page. */
  readonly cookies: readonly string[]
}

/** Seconds since the last sign-in after which changing what one signs in by asks for a new one. Spec: ASVS 7.5.1. */
const recent = 300

/** What every page on which people look after their own account may answer; its refusals are pages too. */
export const ownerPage = {
  answers: { 200: null, 303: null },
  errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'] as const,
  errorPage: renderErrorPage,
}

/** A form of the account's pages. */
export interface AccountForm {
  readonly flow: string
}

/** Who does something with their own account, for the audit trail. */
export const ownerAsActor = (
  { address, requestId }: Pick<EndpointRequest<never>, 'address' | 'requestId'>,
  { user }: Pick<Owner, 'user'>,
): Actor => ({ actor: user.id, address, request_id: requestId })

/**
 * Holds the owner's account, in the transaction of a change that would outlive the session. Error: `forbidden` where the session
 * has ended since the form was taken, or the account has changed. Threat: a way in that is added while the owner shuts
 * everybody out.
 */
export async function holdOwner(tables: Tables, { user, session }: BrowserSession): Promise<void> {
  // The account first: whoever ends its sessions by a new password has it until they are gone.
  if (!(await tables.users.hold(user)) || !(await tables.sessions.findById(session.id))) {
    throw new GatehouseError('forbidden', { description: 'Sign in first' })
  }
}

/**
 * As {@link showToOwner}, for a page without forms: it needs no flow, and so nothing is written, and it is there also where
 * nothing can be.
 */
export async function showWithoutForms(
  dependencies: OwnerDependencies,
  http: EndpointRequest<unknown>,
  page: string,
  show: (browser: BrowserSession) => Promise<Answer> | Answer,
): Promise<Answer> {
  const browser = await dependencies.browserSessions.find(http.headers)
  return browser ? show(browser) : signInFirst(dependencies, http, page)
}

/** Shows a page of the account to its owner; whoever is not signed in does that first. */
export async function showToOwner(
  dependencies: OwnerDependencies,
  http: EndpointRequest<unknown>,
  page: string,
  show: (owner: Owner) => Promise<Answer> | Answer,
): Promise<Answer> {
  const browser = await dependencies.browserSessions.find(http.headers)
  if (!browser) return signInFirst(dependencies, http, page)
  const { flow, cookies } = await dependencies.flows.begin(http, { kind: 'account', parameters: '{}' })
  return show({ ...browser, flow, cookies })
}

/**
 * As {@link showToOwner}, for what somebody sees by a role: where that needs a second factor, whoever has not proven one does that
 * first. Threat: a stolen password, or a session from before the role, that reads what the role alone may.
 */
export async function showByRole(
  dependencies: OwnerDependencies,
  http: EndpointRequest<unknown>,
  { page, role }: { readonly page: string; readonly role: string },
  show: (owner: Owner) => Promise<Answer> | Answer,
): Promise<Answer> {
  const needsFactor = dependencies.roleRules().needFactor.includes(role)
  const browser = needsFactor ? await dependencies.browserSessions.find(http.headers) : undefined
  const owed = browser && (await owedProof(dependencies, browser))
  return owed === undefined ? showToOwner(dependencies, http, page, show) : signInFirst(dependencies, http, page, owed)
}

/**
 * Takes a form of the account's pages from its owner: one of this browser, and of this site. With `isSensitive`, whoever has
 * not signed in within five minutes, with the second factor that they have or must have, does that first. Errors: `forbidden`, `not_found`.
 */
export async function takeFromOwner<Form extends AccountForm>(
  dependencies: OwnerDependencies,
  http: EndpointRequest<Form>,
  { page, isSensitive }: { readonly page: string; readonly isSensitive: boolean },
  take: (owner: Owner) => Promise<Answer>,
): Promise<Answer> {
  const { issuer, flows } = dependencies
  checkSameOrigin(http.headers, issuer)
  const flow = await flows.get(http, http.body.flow)
  if (flow.kind !== 'account') throw new GatehouseError('not_found')
  return takeFromSignedIn(dependencies, http, { page, isSensitive, flow }, take)
}

/**
 * As {@link takeFromOwner}, sensitive, for a link on such a page or a way back to it: the flow's id stands in the address, or
 * comes from what was kept of it. Errors: `not_found`.
 */
export async function takeLinkOfOwner(
  dependencies: OwnerDependencies,
  http: EndpointRequest<unknown>,
  { page, flow: id }: { readonly page: string; readonly flow: string | undefined },
  take: (owner: Owner) => Promise<Answer>,
): Promise<Answer> {
  const flow = await dependencies.flows.get(http, id)
  if (flow.kind !== 'account') throw new GatehouseError('not_found')
  return takeFromSignedIn(dependencies, http, { page, isSensitive: true, flow }, take)
}

async function takeFromSignedIn(
  dependencies: OwnerDependencies,
  http: EndpointRequest<unknown>,
  { page, isSensitive, flow }: { readonly page: string; readonly isSensitive: boolean; readonly flow: Flow },
  take: (owner: Owner) => Promise<Answer>,
): Promise<Answer> {
  const { clock, browserSessions } = dependencies
  const browser = await browserSessions.find(http.headers)
  const isRecent = browser !== undefined && browser.session.auth_time >= seconds(clock.now() - recent)
  if (!browser || (isSensitive && !isRecent)) return signInFirst(dependencies, http, page)
  const owed = isSensitive ? await owedProof(dependencies, browser) : undefined
  if (owed !== undefined) return signInFirst(dependencies, http, page, owed)
  return take({ ...browser, flow, cookies: [] })
}

/**
 * The page on which somebody proves what they still owe: they have signed in without a second factor that they had then, in a
 * browser that is remembered or in a session whose factor counts no longer; or with none, and a role of theirs needs one, which
 * signing in sets up. Threat: a password and a remembered browser that take the second factor off the account.
 */
async function owedProof(
  { secondFactors, requiresSecondFactor }: Pick<OwnerDependencies, 'secondFactors' | 'requiresSecondFactor'>,
  { user, session }: BrowserSession,
): Promise<string | undefined> {
  if (session.acr === twoFactors) return undefined
  const [factors, isRequired] = await Promise.all([secondFactors.list(user.id), requiresSecondFactor(user)])
  // What an outside provider vouches for may have been proven long before the sign-in here.
  const hadOne = factors.some(({ created_at }) => created_at < (session.proven_at ?? session.auth_time))
  if (hadOne || (isRequired && factors.length > 0)) return paths.loginFactor
  return isRequired ? paths.login : undefined
}

/** Sends to the sign-in page, or to the one for what is missing, and from there back to the page. */
async function signInFirst(
  { flows }: OwnerDependencies,
  http: EndpointRequest<unknown>,
  page: string,
  path: string = paths.login,
): Promise<Answer> {
  const begun = await flows.begin(http, { kind: 'account', parameters: JSON.stringify({ page }) })
  return redirectTo(`${path}?flow=${begun.flow.id}`, begun.cookies)
}
