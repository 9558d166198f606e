import { paths } from '@gatehouse/core/paths'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderWaitingRequests, type WaitingRequest } from '../pages/device.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { beginDecision, type DecisionDependencies, decisionParametersOf } from './decoupled-decision.ts'

/**
 * The page on which a user finds what clients have asked by CIBA: where there is one request, at once the page for the
 * decision; where there are several, a list. Spec: OpenID Connect CIBA Core 1.0 section 8.
 */
export const backchannelRequestEndpoint = (dependencies: DecisionDependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.pendingRequests,
    summary: 'The page on which users find what waits for their decision',
    bodyKind: 'none',
    answers: { 200: null, 303: null },
    errors: ['invalid_request', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
    errorPage: renderErrorPage,
    handle: (request) => showPage(dependencies, request),
  })

async function showPage(dependencies: DecisionDependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const { flows, browserSessions, decoupledRequests } = dependencies
  const { flow: id, request: chosen } = parseForm(http.query)
  if (id === undefined) return beginDecision(dependencies, http)
  const flow = await flows.get(http, id)
  decisionParametersOf(flow)
  const browser = await browserSessions.find(http.headers)
  if (!browser) return redirectTo(`${paths.login}?flow=${flow.id}`)
  const waiting = await decoupledRequests.listPending(browser.user.id)
  const one = waiting.length === 1 ? waiting[0] : waiting.find(({ hash }) => hash === chosen)
  if (one) return beginDecision(dependencies, http, one)
  return renderWaitingRequests(http.look, {
    username: browser.user.username,
    requests: await Promise.all(waiting.map((row) => describe(dependencies, row, flow.id))),
  })
}

async function describe(
  { clients }: DecisionDependencies,
  { hash, client_id, binding_message }: DecoupledRequestRow,
  flow: string,
): Promise<WaitingRequest> {
  const client = await clients.find(client_id)
  return {
    // A hash leads nowhere without the user's own session.
    link: `${paths.pendingRequests}?flow=${flow}&request=${hash}`,
    client: client?.name ?? client_id,
    message: binding_message ?? undefined,
  }
}
