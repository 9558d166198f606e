import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { proofLifetimes } from '../domain/mailed-proofs.ts'
import type { SignInMails } from '../domain/sign-in-mails.ts'
import { type MailedMethod, mailedMethods, type SignInMethod } from '../domain/sign-in-methods.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderMailSent } from '../pages/mailed.ts'
import { renderMailedCode, renderMailRequest } from '../pages/mailed-sign-in.ts'
import { redirectTo } from '../pages/page.ts'
import { findAsker } from './browser-asker.ts'
import { mailedPage } from './mailed-page.ts'
import { checkOffered } from './offered-methods.ts'
import { targetsOf } from './second-factor.ts'

interface Dependencies {
  readonly issuer: string
  readonly flows: Flows
  readonly cookies: Cookies
  readonly authorization: AuthorizationFlow
  readonly signInMails: SignInMails
  readonly signInMethods: () => ReadonlySet<SignInMethod>
  readonly mailRequests: AddressLimit
}

const formSchema = Type.Object({
  flow: Type.String(),
  method: Type.Union(mailedMethods.map((method) => Type.Literal(method))),
  username: Type.Optional(Type.String()),
})

interface MailForm {
  readonly flow: string
  readonly method: MailedMethod
  readonly username?: string
}

/** Where people ask for a mail by which to sign in. Works without scripts. */
export const mailRequestEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...mailedPage,
    path: paths.loginEmail,
    method: 'GET',
    summary: 'The page on which people ask for a mail to sign in by',
    bodyKind: 'none',
    handle: (request) => show(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    path: paths.loginEmail,
    method: 'POST',
    summary: 'Mails a link or a code to the owner of the account, if there is one',
    bodyKind: 'form',
    body: formSchema,
    refuseQuery: true,
    handle: (request) => send(dependencies, request),
  }),
]

const offered = ({ signInMethods }: Dependencies): readonly MailedMethod[] => {
  const methods = mailedMethods.filter((method) => signInMethods().has(method))
  if (methods.length === 0) throw new GatehouseError('not_found')
  return methods
}

async function show(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const methods = offered(dependencies)
  const { flow: id } = parseForm(request.query)
  if (id === undefined) {
    const begun = await dependencies.flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.loginEmail}?flow=${begun.flow.id}`, begun.cookies)
  }
  const flow = await dependencies.flows.get(request, id)
  return renderMailRequest(request.look, { flow: flow.id, methods, username: hintOf(dependencies, flow) })
}

/** As whom an app says that one will sign in. */
const hintOf = ({ authorization }: Dependencies, flow: Flow): string =>
  flow.kind === 'authorize' ? (authorization.requestOf(flow).loginHint ?? '') : ''

async function send(dependencies: Dependencies, request: EndpointRequest<MailForm>): Promise<Answer> {
  const { issuer, flows, signInMails, mailRequests } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  checkOffered(dependencies, body.method)
  const flow = await flows.get(request, body.flow)
  const { method, username = '' } = body
  const asker = findAsker(dependencies, headers) ?? ''
  const by = { address, request_id: requestId }
  try {
    mailRequests.take(address)
    await signInMails.ask({ method, username, asker, flow: flow.id, locale: look.locale, by })
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'too_many_requests') throw error
    return tooMany(dependencies, request, flow, error)
  }
  if (method === 'email_code') {
    const minutes = proofLifetimes.sign_in_code / 60
    return renderMailedCode(look, { flow: flow.id, minutes, leadsTo: targetsOf(dependencies, flow) })
  }
  const minutes = proofLifetimes.sign_in_link / 60
  return renderMailSent(look, { kind: 'sign_in_link', email: '', minutes, back: `${paths.login}?flow=${flow.id}` })
}

function tooMany(
  dependencies: Dependencies,
  { look, body }: EndpointRequest<MailForm>,
  flow: Flow,
  { details }: GatehouseError,
): Answer {
  const seconds = details.retryAfter ?? 60
  return renderMailRequest(look, {
    ...{ flow: flow.id, methods: offered(dependencies), username: body.username ?? '' },
    error: look.text('mail_sign_in.too_many', { minutes: Math.ceil(seconds / 60) }),
    status: 429,
    headers: { 'retry-after': String(Math.ceil(seconds)) },
  })
}
