import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import { clockTolerance } from '@gatehouse/core/time'
import { isAffordable } from '@gatehouse/guard/signature'
import type { JSONWebKeySet } from 'jose'
import * as client from 'openid-client'
import { createClientAuthentication } from './oauth-client-authentication.ts'
import { askProvider, createOAuthFetch, toResponse } from './oauth-fetch.ts'
import { keep } from './oauth-kept.ts'
import { decryptionKeysOf } from './oauth-keys.ts'
import { goodAlgs, type OidcSettings } from './oidc-settings.ts'
import type { ProviderParts } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Milliseconds. */
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** What a provider says of itself, and openid-client built for it. */
export interface DiscoveredProvider {
  readonly metadata: JsonObject
  readonly configuration: client.Configuration
  /** Its keys, not older than so many milliseconds where they can be had: five minutes unless said otherwise. */
  readonly keys: (atMostOld?: number) => Promise<JSONWebKeySet>
}

/**
 * Finds a provider by its document. Spec: OpenID Connect Discovery 1.0 sections 4, 4.3.
 * Cost: a request an hour, and one for the keys when an ID token has one that is not known.
 */
export function createDiscovery(
  parts: ProviderParts,
  settings: OidcSettings,
): { get(atMostOld?: number): Promise<DiscoveredProvider> } {
  return keep(() => discover(parts, settings), { clock: parts.clock, freshFor: hour, usableFor: day })
}

/** Where a provider's document is. */
export const documentOf = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

async function discover(parts: ProviderParts, settings: OidcSettings): Promise<DiscoveredProvider> {
  const { outbound, clock } = parts
  const url = documentOf(settings.issuer)
  const { status, text } = await askProvider(outbound, url, { accept: ['application/json'] })
  if (status !== 200) throw new ProviderFailure('misconfigured', `${url} answered with ${status}: is the issuer right?`)
  const metadata = readMetadata(text, settings)
  const jwksUri = String(metadata.jwks_uri)
  const keys = keep(() => readKeys(parts, jwksUri), { clock, freshFor: 5 * minute, usableFor: day })

  const configuration = await client.discovery(
    new URL(settings.issuer),
    settings.clientId,
    {
      ...(settings.idTokenAlg === undefined ? {} : { id_token_signed_response_alg: settings.idTokenAlg }),
      [client.clockTolerance]: clockTolerance,
    },
    await createClientAuthentication(settings.authentication, clock),
    {
      // It has been fetched and looked at.
      [client.customFetch]: async () =>
        toResponse({ status, headers: { 'content-type': 'application/json' }, text: JSON.stringify(metadata) }),
      execute: [
        client.enableNonRepudiationChecks,
        // The configuration takes such an issuer in development alone.
        ...(settings.issuer.startsWith('http:') ? [client.allowInsecureRequests] : []),
      ],
    },
  )
  if (settings.decryptionKey) {
    client.enableDecryptingResponses(configuration, undefined, ...(await decryptionKeysOf(settings.decryptionKey)))
  }
  const send = createOAuthFetch(outbound)
  configuration[client.customFetch] = async (address, options) => {
    if (address !== new URL(jwksUri).href) return send(address, options)
    const text = JSON.stringify(await keys.get(0))
    return toResponse({ status: 200, headers: { 'content-type': 'application/json' }, text })
  }
  return { metadata, configuration, keys: (atMostOld) => keys.get(atMostOld) }
}

const needed = ['authorization_endpoint', 'token_endpoint', 'jwks_uri']

/** Spec: OpenID Connect Discovery 1.0 section 4.3: the issuer is compared character by character. */
function readMetadata(text: string, { issuer, issuerTemplate = issuer }: OidcSettings): JsonObject {
  const metadata = parseJsonObject(text, { unique: true })
  if (metadata.issuer !== issuerTemplate) {
    throw new ProviderFailure(
      'misconfigured',
      'the document of the provider names another issuer than the configuration',
    )
  }
  for (const name of needed) {
    if (typeof metadata[name] !== 'string' || !URL.canParse(metadata[name])) {
      throw new ProviderFailure('invalid_answer', `the document of the provider has no ${name}`)
    }
  }
  return {
    ...metadata,
    id_token_signing_alg_values_supported: onlyGood(metadata.id_token_signing_alg_values_supported) ?? ['RS256'],
    userinfo_signing_alg_values_supported: onlyGood(metadata.userinfo_signing_alg_values_supported) ?? [],
  }
}

const onlyGood = (algs: unknown): readonly unknown[] | undefined =>
  Array.isArray(algs) ? algs.filter((alg) => goodAlgs.includes(alg)) : undefined

async function readKeys({ outbound }: ProviderParts, url: string): Promise<JSONWebKeySet> {
  const { status, text } = await askProvider(outbound, url, {
    accept: ['application/json', 'application/jwk-set+json'],
  })
  if (status !== 200) throw new ProviderFailure('unavailable', `the keys of the provider are answered with ${status}`)
  const { keys } = parseJsonObject(text, { unique: true })
  if (!Array.isArray(keys) || keys.length > 100) {
    throw new ProviderFailure('invalid_answer', 'the keys of the provider are no list, or one of more than 100')
  }
  return { keys: keys.filter((key) => typeof key === 'object' && key !== null && !Array.isArray(key) && isUsable(key)) }
}

/** What node:crypto cannot read is left to whoever wants to use it; nothing that is dear to use is left in. */
function isUsable(key: JsonWebKey): boolean {
  try {
    return isAffordable(createPublicKey({ key, format: 'jwk' }))
  } catch {
    return key.kty !== 'RSA'
  }
}
