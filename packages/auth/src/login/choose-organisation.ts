import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { BrowserSessions } from '../domain/browser-sessions.ts'
import type { ActingUsers } from '../flow/acting.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { renderChooseOrganisation } from '../pages/organisations.ts'
import { redirectTo } from '../pages/page.ts'
import { goOn } from './go-on.ts'
import { targetsOf } from './second-factor.ts'

interface Dependencies {
  readonly issuer: string
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly authorization: AuthorizationFlow
  readonly actingUsers: ActingUsers
}

const formSchema = Type.Object({
  flow: Type.String(),
  session: Type.String(),
  organisation: Type.String({ maxLength: 100 }),
})

/** The page on which somebody who belongs to several organisations says for which they act. */
export function chooseOrganisationEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const described = {
    path: paths.loginOrganisation,
    answers: { 200: null, 303: null },
    errorPage: renderErrorPage,
  }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people say for which of their organisations they act',
      bodyKind: 'none',
      errors: ['invalid_request', 'not_found', 'temporarily_unavailable'],
      handle: (request) => show(dependencies, request),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Takes what they say, and goes on',
      bodyKind: 'form',
      body: formSchema,
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      handle: (request) => take(dependencies, request),
    }),
  ]
}

async function show(dependencies: Dependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const { flows, browserSessions, authorization, actingUsers } = dependencies
  const flow = await flows.get(http, parseForm(http.query).flow)
  const browser = await browserSessions.find(http.headers)
  if (!browser) return redirectTo(`${paths.login}?flow=${flow.id}`)
  const asked = flow.kind === 'authorize' ? authorization.requestOf(flow).organisation : undefined
  const memberships = await actingUsers.membershipsOf(browser.user.id)
  // There is nothing to ask: the judge says what comes next.
  if (asked !== undefined || memberships.length < 2) return goOn(dependencies, http, { flow, browser, cookies: [] })
  return renderChooseOrganisation(http.look, {
    flow: flow.id,
    username: browser.user.username,
    session: browser.session.id,
    memberships,
    leadsTo: targetsOf(dependencies, flow),
  })
}

async function take(
  dependencies: Dependencies,
  http: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { issuer, flows, browserSessions, actingUsers } = dependencies
  const { body, headers, address, requestId } = http
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(http, body.flow)
  const browser = await browserSessions.find(headers)
  // Somebody else may have signed in since the page was shown: then it is shown to them.
  if (browser?.session.id !== body.session) return redirectTo(`${paths.loginOrganisation}?flow=${flow.id}`)
  const by = { actor: browser.user.id, address, request_id: requestId }
  const picked = await actingUsers.pick(browser, body.organisation, by)
  return goOn(dependencies, http, { flow, browser: picked, cookies: [] })
}
