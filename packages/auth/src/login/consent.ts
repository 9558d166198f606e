import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import { type ActingUsers, isShownTo } from '../flow/acting.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { type DescribedDetail, renderConsent } from '../pages/consent.ts'
import { renderErrorPage } from '../pages/error-page.ts'

interface Dependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly authorization: AuthorizationFlow
  readonly actingUsers: ActingUsers
  /** How the authorization_details of a request are told to people. */
  readonly describeDetails: (details: readonly JsonObject[]) => readonly DescribedDetail[]
}

const formSchema = Type.Object({
  flow: Type.String(),
  session: Type.String(),
  organisation: Type.Optional(Type.String()),
  decision: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
})

/** The page on which a user agrees to what a client asks for, and its form. */
export function consentEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.consent,
      summary: 'The page on which a user agrees to what a client asks for',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'not_found', 'temporarily_unavailable'],
      errorPage: renderErrorPage,
      handle: (request) => showPage(dependencies, request),
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.consent,
      summary: 'Takes the decision of that page',
      bodyKind: 'form',
      body: formSchema,
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      errorPage: renderErrorPage,
      handle: (request) => decide(dependencies, request),
    }),
  ]
}

async function showPage(
  { flows, authorization, browserSessions, actingUsers, describeDetails }: Dependencies,
  http: EndpointRequest<unknown>,
): Promise<Answer> {
  const flow = await flows.get(http, parseForm(http.query).flow)
  const request = authorization.requestOf(flow)
  const browser = await browserSessions.find(http.headers)
  // Signed out meanwhile: the judge sends back to the beginning.
  const choice = browser && (await actingUsers.find(browser, request.organisation))
  if (choice?.state !== 'settled') return authorization.proceed({ request, http, flow })
  const { user, session, access } = choice.acting
  const client = await authorization.getClient(request)
  const offer = authorization.offerFor(request, client, choice.acting)
  return renderConsent(http.look, {
    flow: flow.id,
    action: paths.consent,
    client,
    username: user.username,
    session: session.id,
    organisation: access.organisation,
    scope: offer.told,
    audiences: offer.audiences,
    details: describeDetails(offer.details ?? []),
    redirectUri: request.redirectUri,
  })
}

async function decide(
  dependencies: Dependencies,
  http: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { issuer, flows, authorization, browserSessions, actingUsers } = dependencies
  checkSameOrigin(http.headers, issuer)
  const flow = await flows.get(http, http.body.flow)
  const request = authorization.requestOf(flow)
  const browser = await browserSessions.find(http.headers)
  if (http.body.decision === 'allow') {
    const choice = browser && (await actingUsers.find(browser, request.organisation))
    // Somebody else may have signed in since the page was shown, or picked another organisation: then it is shown anew.
    const hasAgreed = choice?.state === 'settled' && isShownTo(choice.acting, http.body)
    return authorization.proceed({ request, http, flow, hasAgreed, ...(browser ? { browser } : {}) })
  }
  await recordRefusal(dependencies, http, request.clientId, browser)
  return authorization.fail({ request, http, flow }, new GatehouseError('access_denied'))
}

const recordRefusal = (
  { store, clock }: Dependencies,
  { address, requestId }: EndpointRequest<unknown>,
  clientId: string,
  browser: BrowserSession | undefined,
): Promise<void> =>
  recordEvent(store, clock, {
    type: 'consent_refused',
    result: 'ok',
    actor: browser?.user.id ?? null,
    target: clientId,
    client_id: clientId,
    address,
    request_id: requestId,
  })
