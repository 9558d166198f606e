import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import { mailedMethods } from '../domain/sign-in-methods.ts'
import { isOpen, type SignUpPolicy } from '../domain/sign-up.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { renderSignIn, type SignInPage } from '../pages/sign-in.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import type { OfferedMethods } from './offered-methods.ts'
import { type PasswordDependencies, proveByPassword } from './password.ts'

export interface SignInPageDependencies extends PasswordDependencies, CompletionDependencies, OfferDependencies {
  readonly rememberedDevices: RememberedDevices
  readonly issuer: string
  readonly flows: Flows
  readonly authorization: AuthorizationFlow
}

interface OfferDependencies extends OfferedMethods {
  readonly signUpPolicy: () => SignUpPolicy
  /** Whether people can be sent mails. */
  readonly canSend: boolean
}

const formSchema = Type.Object({
  flow: Type.String(),
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
})

type SignInForm = Type.Static<typeof formSchema>

/** The page on which people sign in, and what its form is sent to. Works without scripts. */
export function signInPageEndpoints(dependencies: SignInPageDependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.login,
      summary: 'The page on which people sign in',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
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

async function showPage(dependencies: SignInPageDependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { flow: id } = parseForm(request.query)
  if (id === undefined) {
    const begun = await dependencies.flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.login}?flow=${begun.flow.id}`, begun.cookies)
  }
  const flow = await dependencies.flows.get(request, id)
  return showSignIn(dependencies, request.look, flow)
}

/** What is told on the page when a try has failed. */
interface FailedTry {
  readonly username?: string
  readonly error?: MessageKey
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** The page of a flow, for the first time or after a try. */
export async function showSignIn(
  dependencies: OfferDependencies & Pick<SignInPageDependencies, 'authorization'>,
  look: Look,
  flow: Flow,
  { error, ...failed }: FailedTry = {},
): Promise<Answer> {
  const about = await describe(dependencies, flow)
  const offers = offersOf(dependencies)
  return renderSignIn(look, { flow: flow.id, offers, ...about, ...failed, error: error && look.text(error) })
}

/** What can be done on the page. */
function offersOf({ signInMethods, signUpPolicy, canSend }: OfferDependencies): SignInPage['offers'] {
  const methods = signInMethods()
  return {
    password: methods.has('password'),
    passkey: methods.has('passkey'),
    mail: canSend && mailedMethods.some((method) => methods.has(method)),
    recovery: canSend && methods.has('password'),
    signUp: canSend && isOpen(signUpPolicy()),
  }
}

/** For whom one signs in, as whom perhaps, and where it may lead. */
async function describe(
  { authorization }: Pick<SignInPageDependencies, 'authorization'>,
  flow: Flow,
): Promise<{ client?: string; username?: string | undefined; leadsTo: readonly string[] }> {
  if (flow.kind !== 'authorize') return { leadsTo: [] }
  const request = authorization.requestOf(flow)
  const client = await authorization.getClient(request)
  return { client: client.name ?? client.id, username: request.loginHint, leadsTo: [request.redirectUri] }
}

async function signIn(dependencies: SignInPageDependencies, request: EndpointRequest<SignInForm>): Promise<Answer> {
  const { issuer, flows, rememberedDevices } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(request, body.flow)
  const { username = '', password = '' } = body
  const outcome = await proveByPassword(
    dependencies,
    { username, password, address, requestId, isRemembered: (user) => rememberedDevices.isRemembered(headers, user) },
    (signedIn) => takeSignIn(dependencies, request, flow, signedIn),
  ).catch((error: unknown) => refusal(error))
  if (!('error' in outcome)) return goOnOrAsk(dependencies, request, flow, outcome)
  const { code, status, details } = outcome.error
  return showSignIn(dependencies, look, flow, {
    ...{ username, status, error: sentences[code] ?? 'error.invalid_request' },
    headers: details.retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(details.retryAfter)) },
  })
}

/** What people are told; programs have the codes. */
const sentences: Readonly<Record<string, MessageKey>> = {
  invalid_credentials: 'sign_in.wrong',
  // What cannot be a password is not the right one.
  invalid_request: 'sign_in.wrong',
  too_many_requests: 'error.too_many_requests',
  temporarily_unavailable: 'error.temporarily_unavailable',
}

/** What is told on the page itself, so that one can try again. */
function refusal(error: unknown): { readonly error: GatehouseError } {
  if (error instanceof GatehouseError && error.code in sentences) return { error }
  throw error
}
