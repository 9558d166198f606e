import { hash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { ofProvider, paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { stateOf } from '../federation/pending-sign-ins.ts'
import type { RemoteLogout, SignedOutThere } from '../federation/provider.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { redirectTo } from '../pages/page.ts'
import type { LeavingDependencies } from './leave-provider.ts'
import { noteProviderFailure } from './note-provider-failure.ts'
import { getProvider, leadTo } from './send-to-provider.ts'

const formSchema = Type.Record(Type.String(), Type.String())

/** Bytes of a logout message that is posted. */
const postedLimit = 400_000

const described = {
  path: paths.federationLogout,
  spec: 'OpenID Connect Back-Channel Logout section 2.5, SAML 2.0 Profiles section 4.4',
  answers: { 200: null, 303: null },
  errors: ['invalid_request', 'not_found', 'temporarily_unavailable'],
} as const

/**
 * Where providers say that somebody has signed out there, themselves or by a browser; and where browsers come back to that
 * were sent there to sign out. What a provider says ends every session here that rests on what it means, with every token.
 */
export const providerLogoutEndpoints = (dependencies: LeavingDependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...described,
    method: 'GET',
    summary: 'Where a browser brings a provider’s word that somebody has signed out',
    bodyKind: 'none',
    handle: (request) => fromBrowser(dependencies, request),
  }),
  defineEndpoint({
    ...described,
    method: 'POST',
    summary: 'Where a provider says that somebody has signed out (back-channel logout, SAML)',
    bodyKind: 'form',
    body: formSchema,
    bodyLimit: postedLimit,
    escapes: 'any',
    refuseQuery: true,
    handle: (request) => receive(dependencies, request, new URLSearchParams(request.body), 'form'),
  }),
]

async function fromBrowser(dependencies: LeavingDependencies, request: EndpointRequest<undefined>): Promise<Answer> {
  const query = new URLSearchParams(parseForm(request.query, 'any'))
  const settings = getProvider(dependencies, request.named)
  const isMessage = query.has('SAMLRequest') || query.has('SAMLResponse')
  return isMessage
    ? receive(dependencies, request, query, 'query')
    : goOn(dependencies, request, settings, stateOf(query))
}

/** Whoever was sent to the provider to sign out there goes on; anybody else is told that nobody is signed in. */
async function goOn(
  { federation, cookies }: LeavingDependencies,
  { headers }: Pick<EndpointRequest<unknown>, 'headers'>,
  { name: provider }: ProviderSettings,
  state: string | undefined,
): Promise<Answer> {
  const browser = cookies.findBrowser(headers)
  const back =
    state === undefined || browser === undefined
      ? undefined
      : await federation.pending.consume({ provider, state, browser })
  return redirectTo(back?.errand.kind === 'sign_out' ? back.errand.goesOnTo : paths.endSession)
}

async function receive(
  dependencies: LeavingDependencies,
  request: EndpointRequest<unknown>,
  parameters: URLSearchParams,
  binding: 'query' | 'form',
): Promise<Answer> {
  const { issuer, federation, store } = dependencies
  const settings = getProvider(dependencies, request.named)
  const { name: provider } = settings
  const by = { address: request.address, request_id: request.requestId }
  let said: RemoteLogout | SignedOutThere | undefined
  try {
    said = await federation.providers.consult(settings, async (opened) => {
      const location = issuer + ofProvider(paths.federationLogout, provider)
      const query = binding === 'query' ? { query: request.query } : {}
      return opened.receiveLogout?.({ parameters, binding, location, ...query })
    })
  } catch (error) {
    const failure = await noteProviderFailure(dependencies, provider, by, error)
    throw new GatehouseError(failure.reason === 'unavailable' ? 'temporarily_unavailable' : 'invalid_request', {
      cause: failure,
    })
  }
  if (!said) throw new GatehouseError('not_found')
  if (!('once' in said)) return goOn(dependencies, request, settings, said.state)
  const { once, subject, session, answer } = said
  const used = { kind: 'provider_logout', hash: digest(`${provider}\n${once.id}`), expires_at: once.until }
  if (!(await store.usedIdentifiers.consume(used))) {
    throw new GatehouseError('invalid_request', { description: 'This logout has been brought before' })
  }
  const actor = `provider:${provider}`
  await federation.sessions.end({ provider, subject, session }, { ...by, actor })
  return answer ? leadTo(request.look, answer) : { status: 200 }
}

const digest = (text: string): string => hash('sha256', text, 'base64url')
