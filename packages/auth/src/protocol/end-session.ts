import { setTimeout as delay } from 'node:timers/promises'
import type { Revocation } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { KeySource } from '@gatehouse/guard/access-token'
import type { SessionClientRow, SessionRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { BrowserSessions } from '../domain/browser-sessions.ts'
import type { Client, Clients } from '../domain/clients.ts'
import type { LogoutDeliveries } from '../domain/logout-deliveries.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endSession } from '../domain/sessions.ts'
import type { Subjects } from '../domain/subjects.ts'
import type { Flows } from '../flow/flows.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { type LeavingDependencies, leaveProvider } from '../login/leave-provider.ts'
import { leadTo } from '../login/send-to-provider.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { renderSignedOut, renderSignOut } from '../pages/sign-out.ts'
import { askAgainWithCookies } from './form-from-elsewhere.ts'
import { type IdTokenHint, readIdTokenHint } from './id-token-hint.ts'

interface Dependencies extends LeavingDependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly keys: { readonly all: KeySource }
  readonly subjects: Subjects
  readonly revocations: Revocations
  readonly browserSessions: BrowserSessions
  readonly cookies: Cookies
  readonly flows: Flows
  readonly logoutDeliveries: LogoutDeliveries
}

const parameters = {
  id_token_hint: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  post_logout_redirect_uri: Type.Optional(Type.String()),
  state: Type.Optional(Type.String()),
}
const formSchema = Type.Object({ ...parameters, flow: Type.Optional(Type.String()) })
type LogoutParameters = Type.Static<typeof formSchema>

/**
 * Logout that a client begins, or that somebody asks for themselves. Spec: OpenID Connect RP-Initiated Logout sections 2 to 4.
 * With an ID token of the very session it happens at once, and leads back to a registered address; anything else asks first
 * and leads nowhere, so that no site can sign people out or send them on.
 */
export function endSessionEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = {
    path: paths.endSession,
    spec: 'OpenID Connect RP-Initiated Logout section 2',
    answers: { 200: null, 303: null },
    errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'] as const,
    errorPage: renderErrorPage,
  }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'Signs the user out, or asks whether to',
      bodyKind: 'none',
      handle: (request) => begin(dependencies, request, parseForm(request.query)),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'The same, with the parameters in a form; also what the page itself sends',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) =>
        request.body.flow === undefined
          ? (askAgainWithCookies(request.headers, paths.endSession, request.body) ??
            begin(dependencies, request, request.body))
          : confirm(dependencies, request, request.body.flow),
    }),
  ]
}

/** What can be believed of a request: who sent the user, and where to send them back. */
interface Believed {
  readonly client: Client
  readonly hint: IdTokenHint
  /** Absent where none was asked for. */
  readonly redirectUri: string | undefined
}

/** `undefined` where anything of it does not fit: then the user is asked, and sent nowhere. */
async function findBelieved(
  { issuer, keys, clients }: Dependencies,
  asked: LogoutParameters,
): Promise<Believed | undefined> {
  if (asked.id_token_hint === undefined) return undefined
  let hint: IdTokenHint
  try {
    hint = readIdTokenHint({ issuer, keys: keys.all }, asked.id_token_hint)
  } catch (error) {
    if (error instanceof GatehouseError) return undefined
    throw error
  }
  if (asked.client_id !== undefined && asked.client_id !== hint.clientId) return undefined
  const client = await clients.find(hint.clientId)
  if (!client) return undefined
  const redirectUri = asked.post_logout_redirect_uri
  if (redirectUri !== undefined && !client.postLogoutRedirectUris.includes(redirectUri)) return undefined
  return { client, hint, redirectUri }
}

async function begin(
  dependencies: Dependencies,
  http: EndpointRequest<unknown>,
  asked: LogoutParameters,
): Promise<Answer> {
  const { browserSessions, flows, subjects } = dependencies
  const [believed, browser] = await Promise.all([findBelieved(dependencies, asked), browserSessions.find(http.headers)])
  if (believed) {
    const { client, hint, redirectUri } = believed
    const isThisSession = browser !== undefined && hint.sid === subjects.sessionFor(client, browser.session.id)
    if (isThisSession || !browser) {
      const back = redirectUri === undefined ? undefined : withState(redirectUri, asked.state)
      return signOut(dependencies, http, browser?.session, back)
    }
  }
  if (!browser) return renderSignedOut(http.look, { frames: [], back: undefined, cookies: [] })
  const begun = await flows.begin(http, { kind: 'logout', parameters: '{}' })
  return renderSignOut(http.look, {
    flow: begun.flow.id,
    action: paths.endSession,
    username: browser.user.username,
    leadsToProvider: browser.session.provider_session !== null,
    cookies: begun.cookies,
  })
}

async function confirm(dependencies: Dependencies, http: EndpointRequest<unknown>, id: string): Promise<Answer> {
  const { issuer, store, flows, browserSessions } = dependencies
  checkSameOrigin(http.headers, issuer)
  const flow = await flows.get(http, id)
  if (flow.kind !== 'logout') throw new GatehouseError('not_found')
  await store.transaction((tables) => flows.consume(tables, flow))
  const browser = await browserSessions.find(http.headers)
  return signOut(dependencies, http, browser?.session, undefined)
}

const withState = (uri: string, state: string | undefined): string =>
  state === undefined ? uri : `${uri}${uri.includes('?') ? '&' : '?'}state=${encodeURIComponent(state)}`

/** Ends the session, tells the clients that know of it, and forgets the cookie. */
async function signOut(
  dependencies: Dependencies,
  http: EndpointRequest<unknown>,
  session: SessionRow | undefined,
  back: string | undefined,
): Promise<Answer> {
  const { store, clock, revocations, cookies, logoutDeliveries } = dependencies
  const { address, requestId, look } = http
  const cleared = [cookies.clearSession()]
  if (!session)
    return back === undefined
      ? renderSignedOut(look, { frames: [], back, cookies: cleared })
      : redirectTo(back, cleared)
  // Before the session ends, which knows what it rests on; the browser goes there afterwards.
  const going = await leaveProvider(dependencies, http, session, back ?? paths.endSession)
  let knowing: readonly SessionClientRow[] = []
  const entries: readonly Revocation[] = await store.transaction(async (tables) => {
    knowing = await tables.sessionClients.listBySession(session.id)
    const by = { actor: session.user_id, address, request_id: requestId }
    return endSession({ tables, clock, revocations }, session.id, by)
  })
  await revocations.announce(entries)
  // Nobody waits for other servers; what is not delivered now is tried again.
  logoutDeliveries.deliver().catch(() => {})
  const frames = await findFrames(dependencies, knowing)
  if (going && (frames.length === 0 || 'form' in going)) return leadTo(look, going, cleared)
  const onward = going && 'url' in going ? going.url : back
  if (frames.length === 0 && onward !== undefined) return redirectTo(onward, cleared)
  return renderSignedOut(look, { frames, back: onward, cookies: cleared })
}

/** Pages of clients that end their own sessions when they are loaded. Spec: OpenID Connect Front-Channel Logout section 2. */
async function findFrames(
  { issuer, clients }: Dependencies,
  knowing: readonly SessionClientRow[],
): Promise<readonly string[]> {
  const late = delay(framePatience, undefined, { ref: false })
  const frames = await Promise.all(
    knowing.map(async ({ client_id, sid }) => {
      // A client that is described by a document may have to be asked for. The session has ended, whoever is told of it.
      const found = await Promise.race([Promise.resolve(clients.find(client_id)).catch(() => undefined), late])
      const channel = found?.frontchannelLogout
      if (!channel) return []
      const url = new URL(channel.uri)
      if (channel.sessionRequired) {
        url.searchParams.set('iss', issuer)
        url.searchParams.set('sid', sid)
      }
      return [url.href]
    }),
  )
  return frames.flat()
}

/** Milliseconds for which who signs out waits for what clients say of themselves; those that do not say it get no frame. */
const framePatience = 500
