import { paths } from '@gatehouse/core/paths'
import type { SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { BrowserSession, BrowserSessions, ProvenAt } from '../domain/browser-sessions.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import type { Answer, BrowserRequest } from '../http/endpoint.ts'
import { redirectTo } from '../pages/page.ts'
import { renderSignedIn } from '../pages/sign-in.ts'
import type { SignedInUser } from './signed-in-user.ts'

/** A sign-in that is complete, and the cookies to set with whatever it leads to. */
export interface CompletedInBrowser {
  /** As it goes on: for the session, where that was begun or confirmed for it. */
  readonly flow: Flow
  readonly browser: BrowserSession
  readonly cookies: readonly string[]
}

export interface CompletionDependencies {
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
}

/** Somebody who has proven all that is asked of them. */
export interface ProvenInBrowser {
  readonly user: UserRow
  readonly acr: string
  readonly amr: readonly string[]
  /** When it was proven; left out: just now. */
  readonly provenAt?: ProvenAt | undefined
  /** The session at an outside provider that says so, by id. */
  readonly providerSession: string | null
  /** The session that it rests on, where nothing but a further factor has been proven: that is no new sign-in. */
  readonly beside?: SessionRow | undefined
  /** Further writes of the sign-in's transaction; the cookies that come of them. */
  readonly alongside: (tables: Tables) => Promise<readonly string[]>
}

/** Starts, or renews, the browser's session for a flow. */
export async function completeInBrowser(
  { flows, browserSessions }: CompletionDependencies,
  { headers, address, requestId }: BrowserRequest,
  flow: Flow,
  { user, acr, amr, provenAt, providerSession, beside, alongside }: ProvenInBrowser,
): Promise<CompletedInBrowser> {
  const device = String(headers['user-agent'] ?? '').slice(0, 200)
  let more: readonly string[] = []
  const { session, cookie } = await browserSessions.signIn({
    ...{ user, acr, amr, provenAt, providerSession, address, device, requestId, headers, beside },
    alongside: async (tables, started) => {
      const [cookies] = await Promise.all([alongside(tables), !beside && flows.attach(tables, flow, started.id)])
      more = cookies
    },
  })
  const attached: Flow = beside ? flow : { ...flow, sessionId: session.id, half: undefined }
  return { flow: attached, browser: { user, session }, cookies: [cookie, ...more] }
}

/** What has come of a sign-in in a browser: a session, or a half of one in the flow. */
export type TakenSignIn = { readonly completed: CompletedInBrowser } | { readonly next: 'factor' | 'enrol' }

/** Writes what somebody has proven, as far as it goes: the session, or in the flow that more has to be proven. */
export async function takeSignIn(
  dependencies: CompletionDependencies & { readonly store: Store },
  http: BrowserRequest,
  flow: Flow,
  { user, next, amr, provenAt, providerSession, alongside }: SignedInUser,
): Promise<TakenSignIn> {
  const { store, flows } = dependencies
  if (next.step === 'issue') {
    const completed = await completeInBrowser(dependencies, http, flow, {
      ...{ user, acr: next.acr, amr, provenAt, providerSession },
      async alongside(tables) {
        await alongside(tables)
        return []
      },
    })
    return { completed }
  }
  await store.transaction(async (tables) => {
    await Promise.all([alongside(tables), flows.prove(tables, flow, { user: user.id, amr, providerSession })])
  })
  return { next: next.step }
}

/** Goes on from there: with what was signed in for, or to the page that asks for more. */
export async function goOnOrAsk(
  dependencies: { readonly authorization: AuthorizationFlow },
  http: BrowserRequest,
  flow: Flow,
  taken: TakenSignIn,
): Promise<Answer> {
  if ('completed' in taken) return goOn(dependencies, http, taken.completed)
  return redirectTo(`${taken.next === 'factor' ? paths.loginFactor : paths.loginEnrol}?flow=${flow.id}`)
}

/**
 * Goes on with what somebody has signed in for. Threat: a request for a new sign-in that is gone on with in the old one: only
 * {@link completeInBrowser} says for which session a flow goes on.
 */
export async function goOn(
  { authorization }: { readonly authorization: AuthorizationFlow },
  http: BrowserRequest,
  { flow, browser, cookies }: CompletedInBrowser,
): Promise<Answer> {
  switch (flow.kind) {
    case 'authorize':
      return authorization.proceed({ request: authorization.requestOf(flow), http, flow, browser, cookies })
    case 'device':
      return redirectTo(`${paths.device}?flow=${flow.id}`, cookies)
    case 'join':
      return redirectTo(`${paths.join}?flow=${flow.id}`, cookies)
    case 'account':
      return redirectTo(accountPageOf(flow), cookies)
    default:
      return renderSignedIn(http.look, { username: browser.user.username, account: paths.account, cookies })
  }
}

/** Which page of the account the flow was begun from. */
function accountPageOf({ parameters }: Flow): string {
  const { page } = JSON.parse(parameters) as { readonly page?: string } // written by account/owner
  return page ?? paths.account
}
