import { GatehouseError } from '@gatehouse/core/errors'
import { ofProvider, paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { findRealm } from '../federation/realms.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import { type PasswordDependencies, proveByPassword } from './password.ts'
import { type ShownSignInDependencies, showSignIn } from './show-sign-in.ts'

export interface SignInPageDependencies extends PasswordDependencies, CompletionDependencies, ShownSignInDependencies {
  readonly rememberedDevices: RememberedDevices
  readonly issuer: string
  readonly flows: Flows
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
  const { flow: id, others } = parseForm(request.query)
  if (id === undefined) {
    const begun = await dependencies.flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.login}?flow=${begun.flow.id}`, begun.cookies)
  }
  const flow = await dependencies.flows.get(request, id)
  const realm = others === 'yes' ? undefined : realmOf(dependencies, flow)
  return realm ? redirectTo(startOf(realm, flow)) : showSignIn(dependencies, request.look, flow)
}

const sendsPeople = ({ doors }: ProviderSettings): boolean => doors.redirect

/** The provider at which an app says that somebody signs in. */
function realmOf({ federation, authorization }: SignInPageDependencies, flow: Flow): ProviderSettings | undefined {
  const providers = federation.providers.list()
  if (flow.kind !== 'authorize' || providers.length === 0) return undefined
  const { idpHint, loginHint, organisation } = authorization.requestOf(flow)
  return findRealm(providers.filter(sendsPeople), { provider: idpHint, name: loginHint, organisation })
}

/** Where a browser is sent to the provider, with what somebody has said who they are. */
const startOf = ({ name }: ProviderSettings, flow: Flow, hint?: string): string => {
  const query = new URLSearchParams({ flow: flow.id, ...(hint === undefined ? {} : { login_hint: hint }) })
  return `${ofProvider(paths.federationStart, name)}?${query}`
}

async function signIn(dependencies: SignInPageDependencies, request: EndpointRequest<SignInForm>): Promise<Answer> {
  const { issuer, flows, rememberedDevices } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(request, body.flow)
  const { username = '', password = '' } = body
  const realm = findRealm(dependencies.federation.providers.list().filter(sendsPeople), { name: username })
  if (realm) return redirectTo(startOf(realm, flow, username))
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
