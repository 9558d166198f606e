import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { html } from '../pages/html.ts'
import { redirectTo, renderPage } from '../pages/page.ts'
import { renderSignIn } from '../pages/sign-in.ts'
import { type PasswordDependencies, proveByPassword } from './password.ts'

interface Dependencies extends PasswordDependencies {
  readonly issuer: string
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly authorization: AuthorizationFlow
}

const formSchema = Type.Object({
  flow: Type.String(),
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
})

type SignInForm = Type.Static<typeof formSchema>

/** The page on which people sign in, and what its form is sent to. Works without scripts. */
export function signInPageEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.login,
      summary: 'The page on which people sign in',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors: ['not_found', 'temporarily_unavailable'],
      errorPage: renderErrorPage,
      handle: (request) => showPage(dependencies, request),
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.loginPassword,
      summary: 'Signs in by the form of that page',
      bodyKind: 'form',
      body: formSchema,
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
      refuseQuery: true,
      errorPage: renderErrorPage,
      handle: (request) => signIn(dependencies, request),
    }),
  ]
}

async function showPage(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { flow: id } = parseForm(request.query)
  if (id === undefined) {
    const begun = await dependencies.flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.login}?flow=${begun.flow.id}`, begun.cookies)
  }
  const flow = await dependencies.flows.get(request.headers, id)
  const about = await describe(dependencies, flow)
  return renderSignIn({ flow: flow.id, action: paths.loginPassword, ...about })
}

/** For whom one signs in, as whom perhaps, and where it may lead. */
async function describe(
  { authorization }: Dependencies,
  flow: Flow,
): Promise<{ client?: string; username?: string | undefined; formTargets: readonly string[] }> {
  if (flow.kind !== 'authorize') return { formTargets: [] }
  const request = authorization.requestOf(flow)
  const client = await authorization.getClient(request)
  return { client: client.name ?? client.id, username: request.loginHint, formTargets: [request.redirectUri] }
}

async function signIn(dependencies: Dependencies, request: EndpointRequest<SignInForm>): Promise<Answer> {
  const { issuer, flows, browserSessions } = dependencies
  const { body, headers, address, requestId } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(headers, body.flow)
  const { username = '', password = '' } = body
  const outcome = await proveByPassword(
    dependencies,
    { username, password, address, requestId },
    async ({ user, acr, amr, alongside }) => {
      const device = String(headers['user-agent'] ?? '').slice(0, 200)
      const started = await browserSessions.signIn({
        ...{ user, acr, amr, address, device, requestId, headers },
        alongside: async (tables, session) => {
          await Promise.all([alongside(tables), flows.attach(tables, flow, session.id)])
        },
      })
      return { browser: { user, session: started.session }, cookie: started.cookie }
    },
  ).catch((error: unknown) => refusal(error))
  if ('error' in outcome) {
    const about = await describe(dependencies, flow)
    const { error } = outcome
    const headersOfError: Record<string, string> =
      error.details.retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(error.details.retryAfter)) }
    return renderSignIn({
      flow: flow.id,
      action: paths.loginPassword,
      ...about,
      username,
      error: sentences[error.code] ?? error.message,
      status: error.status,
      headers: headersOfError,
    })
  }
  return goOn(dependencies, request, { ...flow, sessionId: outcome.browser.session.id }, outcome)
}

/** What people are told; programs have the codes. */
const sentences: Readonly<Record<string, string>> = {
  invalid_credentials: 'The user name or the password is not right.',
  too_many_requests: 'Too many tries. Wait a while and try again.',
}

/** What is told on the page itself, so that one can try again. */
function refusal(error: unknown): { readonly error: GatehouseError } {
  const shown: readonly string[] = [
    'invalid_credentials',
    'too_many_requests',
    'invalid_request',
    'temporarily_unavailable',
  ]
  if (error instanceof GatehouseError && shown.includes(error.code)) return { error }
  throw error
}

/** Goes on with what one signed in for. */
async function goOn(
  { authorization }: Dependencies,
  http: EndpointRequest<SignInForm>,
  flow: Flow,
  { browser, cookie }: { readonly browser: BrowserSession; readonly cookie: string },
): Promise<Answer> {
  const cookies = [cookie]
  switch (flow.kind) {
    case 'authorize':
      return authorization.proceed({ request: authorization.requestOf(flow), http, flow, browser, cookies })
    case 'device':
      return redirectTo(`${paths.device}?flow=${flow.id}`, cookies)
    default:
      return renderPage({
        title: 'You are signed in',
        cookies,
        body: html`<p>as <strong id="username">${browser.user.username}</strong>.</p>`,
      })
  }
}
