import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { Federation } from '../federation/federation.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { noteProviderFailure } from './note-provider-failure.ts'
import { getProvider } from './send-to-provider.ts'

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly federation: Federation
}

/** What a provider has to be told about us: SAML's metadata, or the keys by which we prove ourselves to it. */
export const providerMetadataEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    method: 'GET',
    path: paths.federationMetadata,
    summary: 'What an outside provider has to know of this installation: SAML metadata, or keys',
    spec: 'SAML 2.0 Metadata section 2.4.4, RFC 7517 section 5',
    bodyKind: 'none',
    answers: { 200: null },
    errors: ['not_found', 'temporarily_unavailable'],
    cors: 'any',
    handle: (request) => describe(dependencies, request),
  })

async function describe(dependencies: Dependencies, request: EndpointRequest<undefined>): Promise<Answer> {
  const settings = getProvider(dependencies, request.named)
  const by = { address: request.address, request_id: request.requestId }
  const description = await dependencies.federation.providers
    .use(settings, async (opened) => opened.describe?.())
    .catch(async (error: unknown) => {
      const failure = await noteProviderFailure(dependencies, settings.name, by, error)
      throw new GatehouseError('temporarily_unavailable', { cause: failure })
    })
  if (!description) throw new GatehouseError('not_found')
  return { status: 200, text: description.text, type: description.type }
}
