import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { Look } from '../pages/look.ts'
import { renderLinkGone } from '../pages/mailed.ts'
import { renderOtherBrowser, renderSignInLink } from '../pages/mailed-sign-in.ts'
import { findAsker } from './browser-asker.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import { mailedPage } from './mailed-page.ts'
import { checkOffered } from './offered-methods.ts'
import { type MailedSignInDependencies, proveByMail } from './prove-by-mail.ts'
import { resumeFlow } from './resume-flow.ts'
import { targetsOf } from './second-factor.ts'

interface Dependencies extends MailedSignInDependencies, CompletionDependencies {
  readonly issuer: string
  readonly cookies: Cookies
  readonly rememberedDevices: RememberedDevices
  readonly authorization: AuthorizationFlow
}

const formSchema = Type.Object({ flow: Type.String(), token: Type.String({ maxLength: 100 }) })

/** Signs in by a link from a mail, in the browser that asked for it alone. One factor, like a password. */
export const magicLinkEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...mailedPage,
    path: paths.loginLink,
    method: 'GET',
    summary: 'The page that a mailed link opens; looking at it changes nothing',
    query: Type.Object({ token: Type.String() }),
    bodyKind: 'none',
    handle: (request) => show(dependencies, request).catch((error: unknown) => tell(request.look, error)),
  }),
  defineEndpoint({
    ...mailedPage,
    path: paths.loginLink,
    method: 'POST',
    summary: 'Signs in by a link from a mail',
    bodyKind: 'form',
    body: formSchema,
    refuseQuery: true,
    handle: (request) => signIn(dependencies, request).catch((error: unknown) => tell(request.look, error)),
  }),
]

async function show(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  checkOffered(dependencies, 'email_link')
  const { token = '' } = parseForm(request.query)
  const proven = await dependencies.signInMails.findByLink(token, findAsker(dependencies, request.headers))
  const { flow, cookies } = await resumeFlow(dependencies, request, proven.flow)
  const { username } = proven.user
  return renderSignInLink(request.look, {
    ...{ flow: flow.id, token, username, cookies },
    leadsTo: targetsOf(dependencies, flow),
  })
}

async function signIn(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { issuer, flows, signInMails, rememberedDevices } = dependencies
  const { body, headers, address, requestId } = request
  checkSameOrigin(headers, issuer)
  checkOffered(dependencies, 'email_link')
  const flow = await flows.get(request, body.flow)
  const recorded = await proveByMail(
    dependencies,
    {
      find: () => signInMails.findByLink(body.token, findAsker(dependencies, headers)),
      by: { address, request_id: requestId },
      isRemembered: (user) => rememberedDevices.isRemembered(headers, user),
    },
    (judged) => takeSignIn(dependencies, request, flow, judged),
  )
  return goOnOrAsk(dependencies, request, flow, recorded)
}

/** What a link that does not work is answered with, so that people know what to do. */
function tell(look: Look, error: unknown): Answer {
  if (!(error instanceof GatehouseError)) throw error
  const { reason } = error.details.members ?? {}
  if (reason === 'other_browser') return renderOtherBrowser(look)
  if (reason === 'link_gone' || error.code === 'invalid_credentials') return renderLinkGone(look, paths.loginEmail)
  throw error
}
