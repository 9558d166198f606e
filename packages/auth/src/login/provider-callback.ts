import { ofProvider, paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { finishLinking, type LinkedDependencies } from '../account/linked.ts'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import { stateOf } from '../federation/pending-sign-ins.ts'
import type { OutsideIdentity, ProviderAnswer } from '../federation/provider.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import { noteProviderFailure } from './note-provider-failure.ts'
import { type ProviderProofDependencies, proveByProvider } from './prove-by-provider.ts'
import { resumeFlow } from './resume-flow.ts'
import { callbackOf, getProvider } from './send-to-provider.ts'
import { lookAtSignIn, type ShownSignInDependencies, showProviderFailure, showSignIn } from './show-sign-in.ts'

interface Dependencies
  extends Omit<LinkedDependencies, 'secondFactors'>,
    Omit<ProviderProofDependencies, 'secondFactors'>,
    CompletionDependencies,
    ShownSignInDependencies {
  readonly rememberedDevices: RememberedDevices
  readonly secondFactors: LinkedDependencies['secondFactors'] & ProviderProofDependencies['secondFactors']
}

const described = {
  path: paths.federationCallback,
  answers: { 200: null, 303: null },
  errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
  errorPage: renderErrorPage,
} as const

/** Whatever a provider posts: its kind knows what that should be. */
const formSchema = Type.Record(Type.String(), Type.String())

/** Bytes of a form that a provider has its people post: a SAML response of 256 KiB, in base64. */
const postedLimit = 400_000

/**
 * Where providers send people back to. A form that another site has them post comes without our cookies: it is kept, and the
 * browser sent to fetch what comes of it.
 */
export const providerCallbackEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...described,
    method: 'GET',
    summary: 'Where an outside provider sends people back to',
    bodyKind: 'none',
    handle: (request) => comeBack(dependencies, request),
  }),
  defineEndpoint({
    ...described,
    method: 'POST',
    summary: 'The same, for an answer that is posted (form_post, SAML)',
    bodyKind: 'form',
    body: formSchema,
    bodyLimit: postedLimit,
    escapes: 'any',
    handle: (request) => keepPosted(dependencies, request),
  }),
]

async function keepPosted(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { name: provider } = getProvider(dependencies, request.named)
  const form = new URLSearchParams(request.body)
  const state = stateOf(form)
  const isKept =
    state !== undefined &&
    (await dependencies.federation.pending.keepPosted({ provider, state, form: form.toString() }))
  if (!isKept || state === undefined) return refuseUnexpected(dependencies, request, provider)
  return redirectTo(`${ofProvider(paths.federationCallback, provider)}?${new URLSearchParams({ state })}`)
}

async function comeBack(dependencies: Dependencies, request: EndpointRequest<undefined>): Promise<Answer> {
  const { federation, cookies } = dependencies
  const settings = getProvider(dependencies, request.named)
  const { name: provider } = settings
  const query = new URLSearchParams(parseForm(request.query, 'any'))
  const state = stateOf(query)
  const browser = cookies.findBrowser(request.headers)
  const back =
    state === undefined || browser === undefined
      ? undefined
      : await federation.pending.consume({ provider, state, browser })
  if (!back || state === undefined || back.errand.kind === 'sign_out') {
    return refuseUnexpected(dependencies, request, provider)
  }
  const posted = back.posted === undefined ? undefined : new URLSearchParams(back.posted)
  const outcome = await finish(dependencies, request, settings, {
    ...{ callback: callbackOf(dependencies.issuer, provider), state, parameters: posted ?? query },
    ...{ binding: posted ? ('form' as const) : ('query' as const), memory: back.memory },
  })
  if (back.errand.kind === 'link') return finishLinking(dependencies, request, { settings, outcome, ...back.errand })
  return signIn(dependencies, request, { settings, outcome, ...back.errand })
}

async function finish(
  dependencies: Dependencies,
  { address, requestId }: EndpointRequest<undefined>,
  settings: ProviderSettings,
  answer: ProviderAnswer,
): Promise<OutsideIdentity | ProviderFailure> {
  try {
    return await dependencies.federation.providers.hear(settings, async (provider) => {
      if (provider.redirect) return provider.redirect.finish(answer)
      throw new ProviderFailure('misconfigured', 'nobody is sent to a provider of this kind')
    })
  } catch (error) {
    return noteProviderFailure(dependencies, settings.name, { address, request_id: requestId }, error)
  }
}

/** Somebody has come back to sign in. */
interface ComeBackToSignIn {
  readonly settings: ProviderSettings
  readonly flow: string
  readonly isFresh?: boolean
  readonly outcome: OutsideIdentity | ProviderFailure
}

async function signIn(
  dependencies: Dependencies,
  request: EndpointRequest<undefined>,
  { settings, flow: id, isFresh = false, outcome }: ComeBackToSignIn,
): Promise<Answer> {
  const { rememberedDevices } = dependencies
  const { headers, address, requestId } = request
  const { flow } = await resumeFlow(dependencies, request, id)
  if (outcome instanceof ProviderFailure) {
    return showProviderFailure(dependencies, request, flow, settings, outcome.reason)
  }
  const proven = await proveByProvider(
    dependencies,
    {
      ...{ settings, identity: outcome, amr: [], by: { address, request_id: requestId } },
      provenAt: outcome.authTime ?? (isFresh ? undefined : 'unknown'),
      isRemembered: (user) => rememberedDevices.isRemembered(headers, user),
    },
    (signedIn) => takeSignIn(dependencies, request, flow, signedIn),
  )
  return 'why' in proven
    ? showProviderFailure(dependencies, request, flow, settings, proven.why)
    : goOnOrAsk(dependencies, request, flow, proven.done)
}

/**
 * What nobody waits for is refused before anybody is asked anything, and noted. Threat: an answer that was stolen, is brought
 * again, is for another provider, or was prepared for somebody else's browser.
 */
async function refuseUnexpected(
  dependencies: Dependencies,
  request: Pick<EndpointRequest<unknown>, 'headers' | 'address' | 'requestId' | 'look'>,
  provider: string,
): Promise<Answer> {
  const by = { address: request.address, request_id: request.requestId }
  const failure = new ProviderFailure('invalid_answer', 'nobody in this browser waits for it')
  await noteProviderFailure(dependencies, provider, by, failure)
  const { flow, cookies } = await resumeFlow(dependencies, request, undefined)
  return showSignIn(dependencies, lookAtSignIn(request.look, flow), flow, {
    error: 'federation.expired',
    status: 400,
    cookies,
  })
}
