import { ofProvider, paths } from '@gatehouse/core/paths'
import { ProviderFailure } from '../federation/provider-failure.ts'
import type { Flows } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { resumeFlow } from './resume-flow.ts'
import { getProvider, type SendingDependencies, sendToProvider } from './send-to-provider.ts'
import { type ShownSignInDependencies, showProviderFailure } from './show-sign-in.ts'

interface Dependencies extends SendingDependencies, ShownSignInDependencies {
  readonly flows: Flows
}

/** Sends a browser to a provider, to sign in there. Works by a link, so that no page has to know where it leads. */
export const providerStartEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.federationStart,
    summary: 'Sends the browser to an outside provider, to sign in',
    bodyKind: 'none',
    answers: { 200: null, 303: null },
    errors: ['not_found', 'too_many_requests', 'temporarily_unavailable'],
    errorPage: renderErrorPage,
    handle: (request) => start(dependencies, request),
  })

async function start(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const settings = getProvider(dependencies, request.named)
  const { flow: id, login_hint: hint } = parseForm(request.query)
  const { flow, cookies } = await resumeFlow(dependencies, request, id)
  // A browser that is not known yet comes again with its cookie: what comes back is bound to that.
  if (dependencies.cookies.findBrowser(request.headers) === undefined) {
    return redirectTo(`${ofProvider(paths.federationStart, settings.name)}?flow=${flow.id}`, cookies)
  }
  const errand = { kind: 'sign_in', flow: flow.id } as const
  const sent = await sendToProvider(dependencies, request, settings, { flow, errand, hint: hint?.slice(0, 255) })
  return sent instanceof ProviderFailure
    ? showProviderFailure(dependencies, request, flow, settings, sent.reason)
    : sent
}
