import { GatehouseError } from '@gatehouse/core/errors'
import { fetchJson } from './fetch-json.ts'
import { parseServerUrl } from './server-url.ts'

/** What the guard wants to know of its issuer. */
export interface IssuerMetadata {
  readonly jwksUri: string
  readonly introspectionEndpoint?: string
  readonly revocationFeedEndpoint?: string
}

/** The issuer's metadata, fetched when first asked for. */
export interface Discovery {
  /** Callers at the same time share one request. Throws `temporarily_unavailable`. */
  get(): Promise<IssuerMetadata>
  /** Drops what is known, so that the next call asks again. */
  forget(): void
}

/** Builds the discovery of one issuer. Spec: RFC 8414 sections 3 and 3.3. */
export function createDiscovery(options: { issuer: string; fetch: typeof fetch; allowHttp: boolean }): Discovery {
  let known: Promise<IssuerMetadata> | undefined
  return {
    get() {
      if (!known) {
        const asked = findMetadata(options)
        known = asked
        asked.catch(() => {
          if (known === asked) known = undefined
        })
      }
      return known
    },
    forget() {
      known = undefined
    },
  }
}

/** Where an issuer's metadata is: the well-known path goes before the issuer's own. Spec: RFC 8414 section 3.1. */
export function metadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname.replace(/\/$/, '')}`
}

async function findMetadata({ issuer, fetch, allowHttp }: Parameters<typeof createDiscovery>[0]) {
  const { body } = await fetchJson(fetch, metadataUrl(issuer))
  if (body.issuer !== issuer) throw unusable(`the metadata names another issuer: ${String(body.issuer)}`)
  // An issuer that is reached over https does not get to name an endpoint that is not.
  const endpoint = { allowHttp: allowHttp || issuer.startsWith('http:') }
  const parse = (value: unknown, what: string): string => {
    if (typeof value !== 'string') throw unusable(`the metadata has no ${what}`)
    const url = parseServerUrl(value, { what, ...endpoint })
    if (url.protocol === 'http:' && !endpoint.allowHttp) throw unusable(`the ${what} is http`)
    return url.href
  }
  const parseOptional = (value: unknown, what: string) => (value === undefined ? undefined : parse(value, what))
  const introspectionEndpoint = parseOptional(body.introspection_endpoint, 'introspection_endpoint')
  const revocationFeedEndpoint = parseOptional(body.revocation_feed_endpoint, 'revocation_feed_endpoint')
  return {
    jwksUri: parse(body.jwks_uri, 'jwks_uri'),
    ...(introspectionEndpoint !== undefined && { introspectionEndpoint }),
    ...(revocationFeedEndpoint !== undefined && { revocationFeedEndpoint }),
  }
}

const unusable = (why: string): GatehouseError =>
  new GatehouseError('temporarily_unavailable', { cause: new Error(why) })
