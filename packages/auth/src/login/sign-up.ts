import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { proofLifetimes } from '../domain/mailed-proofs.ts'
import { isOpen, type SignUps } from '../domain/sign-up.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import type { Look } from '../pages/look.ts'
import { renderMailSent } from '../pages/mailed.ts'
import { redirectTo } from '../pages/page.ts'
import { renderSignUp } from '../pages/sign-up.ts'
import { tellWeakness } from '../pages/weak-password.ts'
import { findAsker } from './browser-asker.ts'
import { mailedPage } from './mailed-page.ts'

interface Dependencies {
  readonly issuer: string
  readonly flows: Flows
  readonly cookies: Cookies
  readonly signUps: SignUps
  /** Requests of one address that cost a hash or a mail. */
  readonly mailRequests: AddressLimit
  readonly minimumPasswordLength: () => number
}

const formSchema = Type.Object({
  flow: Type.String(),
  email: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  terms: Type.Optional(Type.String()),
})

type SignUpForm = Type.Static<typeof formSchema>

/** The page on which people open an account. Works without scripts. */
export const signUpEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...mailedPage,
    method: 'GET',
    path: paths.signUp,
    summary: 'The page on which people open an account',
    bodyKind: 'none',
    handle: (request) => show(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    method: 'POST',
    path: paths.signUpForm,
    summary: 'Takes the form of that page, and mails a link',
    bodyKind: 'form',
    body: formSchema,
    refuseQuery: true,
    handle: (request) => signUp(dependencies, request),
  }),
]

async function show(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  checkOpen(dependencies)
  const { flow: id } = parseForm(request.query)
  if (id === undefined) {
    const begun = await dependencies.flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.signUp}?flow=${begun.flow.id}`, begun.cookies)
  }
  return showForm(dependencies, request.look, await dependencies.flows.get(request, id), {})
}

/** Refuses where nobody can sign up uninvited. Error: `forbidden`. */
export function checkOpen({ signUps }: { readonly signUps: SignUps }): void {
  if (!isOpen(signUps.policy)) {
    throw new GatehouseError('forbidden', { description: 'Nobody can open an account here uninvited' })
  }
}

const showForm = (
  { signUps, minimumPasswordLength }: Dependencies,
  look: Look,
  flow: Flow,
  { email = '', ...shown }: { readonly email?: string; readonly error?: string; readonly status?: number },
): Answer =>
  renderSignUp(look, {
    ...{ flow: flow.id, email, minimum: minimumPasswordLength(), terms: signUps.policy.terms },
    ...shown,
  })

async function signUp(dependencies: Dependencies, request: EndpointRequest<SignUpForm>): Promise<Answer> {
  const { issuer, flows, signUps, mailRequests, minimumPasswordLength } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  checkOpen(dependencies)
  const flow = await flows.get(request, body.flow)
  const { email = '', password = '' } = body
  const again = (error: string, status: number): Answer => showForm(dependencies, look, flow, { email, error, status })
  if (signUps.policy.terms !== undefined && body.terms !== 'yes') return again(look.text('sign_up.terms_missing'), 400)
  mailRequests.take(address)
  try {
    const asker = findAsker(dependencies, headers) ?? ''
    const by = { address, request_id: requestId }
    await signUps.begin({ email, password, asker, flow: flow.id, locale: look.locale, by })
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    if (error.code === 'weak_password') return again(tellWeakness(look, error, minimumPasswordLength()), error.status)
    const sentence = sentences[error.code]
    if (sentence === undefined) throw error
    return again(look.text(sentence), error.status)
  }
  const minutes = proofLifetimes.sign_up / 60
  return renderMailSent(look, { kind: 'sign_up', email, minutes, back: `${paths.login}?flow=${flow.id}` })
}

/** What people are told; programs have the codes. */
const sentences: Readonly<Record<string, MessageKey>> = {
  invalid_request: 'sign_up.bad_email',
  forbidden: 'sign_up.not_allowed',
}
