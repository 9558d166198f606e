import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { proofLifetimes } from '../domain/mailed-proofs.ts'
import type { Recovery } from '../domain/recovery.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flows } from '../flow/flows.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderLinkGone, renderMailSent } from '../pages/mailed.ts'
import { redirectTo } from '../pages/page.ts'
import { renderNewPassword, renderRecover, renderRecovered } from '../pages/recovery.ts'
import { tellWeakness } from '../pages/weak-password.ts'
import { findAsker } from './browser-asker.ts'
import { mailedPage } from './mailed-page.ts'
import { resumeFlow } from './resume-flow.ts'

interface Dependencies {
  readonly issuer: string
  readonly flows: Flows
  readonly cookies: Cookies
  readonly authorization: AuthorizationFlow
  readonly recovery: Recovery
  readonly mailRequests: AddressLimit
  readonly minimumPasswordLength: () => number
}

const askSchema = Type.Object({ flow: Type.String(), username: Type.Optional(Type.String()) })
const setSchema = Type.Object({
  flow: Type.String(),
  token: Type.String({ maxLength: 100 }),
  password: Type.Optional(Type.String()),
})

type SetForm = Type.Static<typeof setSchema>

/**
 * A new password for who has forgotten theirs. Afterwards they sign in as ever, with every factor that they have: the link
 * stands for the old password, and for nothing else.
 */
export const resetPasswordEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...mailedPage,
    method: 'GET',
    path: paths.recover,
    summary: 'The page for who has forgotten their password',
    bodyKind: 'none',
    handle: (request) => showRequest(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    method: 'POST',
    path: paths.recoverForm,
    summary: 'Mails a link to the owner of the account, if there is one',
    bodyKind: 'form',
    body: askSchema,
    refuseQuery: true,
    handle: (request) => ask(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    method: 'GET',
    path: paths.recoverPassword,
    summary: 'The page that the link opens; looking at it changes nothing',
    query: Type.Object({ token: Type.String() }),
    bodyKind: 'none',
    handle: (request) => showLink(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    method: 'POST',
    path: paths.recoverPasswordForm,
    summary: 'Sets a new password by the link, and ends every session',
    bodyKind: 'form',
    body: setSchema,
    refuseQuery: true,
    handle: (request) => set(dependencies, request),
  }),
]

async function showRequest(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { flows, authorization } = dependencies
  const { flow: id } = parseForm(request.query)
  if (id === undefined) {
    const begun = await flows.begin(request, { kind: 'sign_in', parameters: '{}' })
    return redirectTo(`${paths.recover}?flow=${begun.flow.id}`, begun.cookies)
  }
  const flow = await flows.get(request, id)
  const username = flow.kind === 'authorize' ? (authorization.requestOf(flow).loginHint ?? '') : ''
  return renderRecover(request.look, { flow: flow.id, username })
}

async function ask(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof askSchema>>,
): Promise<Answer> {
  const { issuer, flows, recovery, mailRequests } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(request, body.flow)
  mailRequests.take(address)
  const asker = findAsker(dependencies, headers)
  const by = { address, request_id: requestId }
  await recovery.begin({ username: body.username ?? '', asker, flow: flow.id, locale: look.locale, by })
  const minutes = proofLifetimes.recovery / 60
  return renderMailSent(look, { kind: 'recovery', email: '', minutes, back: `${paths.login}?flow=${flow.id}` })
}

async function showLink(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { recovery, minimumPasswordLength } = dependencies
  const { token = '' } = parseForm(request.query)
  const found = await recovery.find(token, findAsker(dependencies, request.headers))
  if (!found) return renderLinkGone(request.look, paths.recover)
  const { flow, cookies } = await resumeFlow(dependencies, request, found.flow)
  const { username } = found.user
  const minimum = minimumPasswordLength()
  return renderNewPassword(request.look, { flow: flow.id, token, username, minimum, cookies })
}

async function set(dependencies: Dependencies, request: EndpointRequest<SetForm>): Promise<Answer> {
  const { issuer, flows, recovery, minimumPasswordLength } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(request, body.flow)
  const { token, password = '' } = body
  try {
    await recovery.complete({ token, password }, { address, request_id: requestId })
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    if (error.details.members?.reason === 'link_gone') return renderLinkGone(look, paths.recover)
    const found = error.code === 'weak_password' ? await recovery.find(token, undefined) : undefined
    if (!found) throw error
    const minimum = minimumPasswordLength()
    return renderNewPassword(look, {
      ...{ flow: flow.id, token, username: found.user.username, minimum, cookies: [] },
      error: tellWeakness(look, error, minimum),
      status: error.status,
    })
  }
  return renderRecovered(look, { next: `${paths.login}?flow=${flow.id}` })
}
