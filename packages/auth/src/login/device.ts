import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { hashCookie } from '../domain/browser-sessions.ts'
import { parseUserCode, showUserCode, type UserCodeLimit } from '../domain/user-codes.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderUserCode } from '../pages/device.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import {
  beginDecision,
  type DecisionDependencies,
  decisionParametersOf,
  showDecision,
  takeDecision,
} from './decoupled-decision.ts'

interface Dependencies extends DecisionDependencies {
  readonly issuer: string
  readonly cookies: Pick<Cookies, 'findBrowser'>
  readonly userCodeLimit: UserCodeLimit
}

/** Two forms are sent here: that for the code, and that for the decision. */
const formSchema = Type.Object({
  user_code: Type.Optional(Type.String()),
  flow: Type.Optional(Type.String()),
  session: Type.Optional(Type.String()),
  organisation: Type.Optional(Type.String()),
  decision: Type.Optional(Type.Union([Type.Literal('allow'), Type.Literal('deny')])),
})

type DeviceForm = Type.Static<typeof formSchema>

/** The page on which one types the code that a device shows, and decides whether it is let in. Spec: RFC 8628 section 3.3. */
export function deviceEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.device,
      summary: 'The page for the code that a device shows, and for the decision about it',
      spec: 'RFC 8628 section 3.3',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      errorPage: renderErrorPage,
      handle: (request) => showPage(dependencies, request),
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.device,
      summary: 'Takes the code, and the decision, of that page',
      spec: 'RFC 8628 section 3.3',
      bodyKind: 'form',
      body: formSchema,
      answers: { 200: null, 303: null, 400: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
      refuseQuery: true,
      errorPage: renderErrorPage,
      handle: (request) => takeForm(dependencies, request),
    }),
  ]
}

async function showPage(dependencies: Dependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const { flow: id, user_code: typed } = parseForm(http.query)
  if (id === undefined) {
    const code = parseUserCode(typed ?? '')
    return renderUserCode(http.look, { action: paths.device, userCode: code && showUserCode(code) })
  }
  const flow = await dependencies.flows.get(http, id)
  const { request } = decisionParametersOf(flow)
  return request === undefined
    ? redirectTo(`${paths.pendingRequests}?flow=${flow.id}`)
    : showDecision(dependencies, http, flow, request)
}

async function takeForm(dependencies: Dependencies, http: EndpointRequest<DeviceForm>): Promise<Answer> {
  const { user_code: typed, flow: id, session, organisation, decision } = http.body
  checkSameOrigin(http.headers, dependencies.issuer)
  if (typed !== undefined) return takeUserCode(dependencies, http, typed)
  if (id === undefined || session === undefined || decision === undefined) {
    throw new GatehouseError('invalid_request', { description: 'The code is missing' })
  }
  const flow = await dependencies.flows.get(http, id)
  return takeDecision(dependencies, http, flow, { decision, session, organisation })
}

async function takeUserCode(
  dependencies: Dependencies,
  http: EndpointRequest<DeviceForm>,
  typed: string,
): Promise<Answer> {
  const { userCodeLimit, decoupledRequests, cookies } = dependencies
  const code = parseUserCode(typed)
  const cookie = cookies.findBrowser(http.headers)
  const browser = cookie === undefined ? undefined : hashCookie(cookie)
  const found = await userCodeLimit.limited({ address: http.address, browser }, async () =>
    code === undefined ? undefined : decoupledRequests.findByUserCode(code),
  )
  if (found) return beginDecision(dependencies, http, found)
  return renderUserCode(http.look, {
    action: paths.device,
    userCode: typed.slice(0, 40),
    error: http.look.text('device.wrong'),
    status: 400,
  })
}
