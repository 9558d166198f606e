import type { Seconds } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { OutboundError } from '../outbound/outbound-error.ts'
import type { ProviderParts } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { type IdentityProvider, parseIdentityProvider } from './saml-metadata.ts'

/** Where what is known of a provider comes from. */
export type SamlSource =
  /** Its metadata, at an address. */
  | { readonly metadataUrl: string }
  /** Its metadata, as it is. */
  | { readonly metadata: string }
  /** Written by hand. */
  | {
      readonly entryPoint: string
      readonly logoutUrl?: string | undefined
      /** PEM. */
      readonly certificates: readonly string[]
      readonly entityId: string
    }

/** What is known of a provider, as it is by now. */
export interface KnownProvider {
  /** Cost: no request where it is known already. Throws {@link ProviderFailure}. */
  get(): Promise<IdentityProvider>
  /** Asks anew, unless that was done within half a minute: undefined then, and where there is nothing to ask. */
  refresh(): Promise<IdentityProvider | undefined>
  /** Asks in any case. `clockOffset`: by how many seconds its clock is ahead of ours, if it says its time. */
  ask(): Promise<{ readonly provider: IdentityProvider; readonly clockOffset: number | undefined }>
}

const kept = { usually: 3600, least: 300, most: 86_400 } as const
const secondsBetweenRequests = 30

/**
 * What is known of the provider that is configured: its metadata is fetched when it is first needed, kept for as long as it
 * says within bounds, and asked for anew after that; where that fails, what was known still counts until it says itself that
 * it does not. Stops: requests to the provider at the pace of strangers.
 */
export function createKnownProvider(
  { clock, outbound }: Pick<ProviderParts, 'clock' | 'outbound'>,
  source: SamlSource,
  entityId: string | undefined,
): KnownProvider {
  let known: { readonly provider: IdentityProvider; readonly until: Seconds } | undefined
  let lastRequest = Number.NEGATIVE_INFINITY
  let underWay: Promise<IdentityProvider> | undefined

  const isValid = ({ validUntil }: IdentityProvider) => validUntil === undefined || validUntil > clock.now()

  async function ask() {
    if (!('metadataUrl' in source)) return { provider: readHere(source, entityId), clockOffset: undefined }
    const { text, headers } = await fetchMetadata(outbound, source.metadataUrl)
    const provider = parseIdentityProvider(text, entityId)
    if (!isValid(provider))
      throw new ProviderFailure('misconfigured', 'its metadata is out of date: see its validUntil')
    const now = clock.now()
    const keepFor = Math.min(kept.most, Math.max(kept.least, provider.keepFor ?? kept.usually))
    known = { provider, until: seconds(Math.min(now + keepFor, provider.validUntil ?? Number.MAX_SAFE_INTEGER)) }
    const said = Date.parse(headers.date ?? '')
    return { provider, clockOffset: Number.isNaN(said) ? undefined : Math.round(said / 1000) - now }
  }

  function askOnce(): Promise<IdentityProvider> {
    lastRequest = clock.now()
    underWay ??= ask()
      .then(({ provider }) => provider)
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }

  const mayAsk = () => underWay !== undefined || clock.now() - lastRequest >= secondsBetweenRequests
  const lastGood = () => (known && isValid(known.provider) ? known.provider : undefined)

  return {
    async get() {
      if (known && known.until > clock.now() && isValid(known.provider)) return known.provider
      if (!mayAsk()) return lastGood() ?? fail('its metadata could not be had a moment ago')
      try {
        const provider = await askOnce()
        // What is here already is not asked for over and over.
        known ??= { provider, until: seconds(Number.MAX_SAFE_INTEGER) }
        return isValid(provider) ? provider : fail('its metadata is out of date: see its validUntil')
      } catch (error) {
        const provider = lastGood()
        if (provider) return provider
        throw error
      }
    },
    async refresh() {
      return 'metadataUrl' in source && mayAsk() ? askOnce().catch(() => undefined) : undefined
    },
    ask,
  }
}

const fail = (detail: string): never => {
  throw new ProviderFailure('unavailable', detail)
}

function readHere(
  source: Exclude<SamlSource, { metadataUrl: string }>,
  entityId: string | undefined,
): IdentityProvider {
  if ('metadata' in source) return parseIdentityProvider(source.metadata, entityId)
  const { entryPoint, logoutUrl, certificates } = source
  return {
    entityId: source.entityId,
    certificates,
    signOn: { redirect: entryPoint, post: entryPoint },
    signOut: logoutUrl === undefined ? undefined : { request: logoutUrl, answer: logoutUrl },
    wantsSignedRequests: false,
  }
}

const metadataTypes = ['application/samlmetadata+xml', 'application/xml', 'text/xml']

async function fetchMetadata(outbound: ProviderParts['outbound'], url: string) {
  try {
    const answer = await outbound.fetch(url, { accept: metadataTypes, limitBytes: 1024 * 1024, timeoutMs: 5000 })
    if (answer.status >= 200 && answer.status < 300) return answer
    return fail(`its metadata cannot be fetched: status ${answer.status}`)
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    throw new ProviderFailure('unavailable', `its metadata cannot be fetched: ${error.reason}`, error)
  }
}
