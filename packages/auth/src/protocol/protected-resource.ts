import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@gatehouse/core/paths'
import { dpopAlgorithms } from '@gatehouse/guard/dpop'
import { resourceMetadataUrl } from '@gatehouse/guard/resource-metadata'
import { allowOrigin, answerPreflight } from '../http/cors.ts'

/** A protected resource: a service behind the gateway, or Gatehouse's own interface. */
export interface ProtectedResource {
  /** Its identifier, which is its audience. */
  readonly resource: string
  readonly name: string
  readonly scopes: readonly string[]
}

/** Answers for the metadata of protected resources. */
export interface ResourceMetadata {
  /**
   * Answers a request where its path is that of a resource's metadata on this host; false = it is not, and nothing was done.
   * `host` is without a default port, `query` without its question mark.
   */
  answer(request: IncomingMessage, response: ServerResponse, at: MetadataPlace): boolean
}

/** Where a request asks. */
export interface MetadataPlace {
  readonly host: string
  readonly path: string
  readonly query: string
}

interface Dependencies {
  readonly issuer: string
  /** Returns the same list for as long as nothing changes. */
  readonly resources: () => readonly ProtectedResource[]
  /** Whether tokens can be bound to the client's certificate. */
  readonly certificateBound: boolean
}

/**
 * The metadata of every protected resource, each at its own host with the well-known path before its own. `resource` is the
 * identifier letter for letter, by which a client sees that it asks for what it meant to.
 * Spec: RFC 9728 sections 2, 3.1 and 3.3. Cost: one look-up; the documents are made once.
 */
export function createResourceMetadata({ issuer, resources, certificateBound }: Dependencies): ResourceMetadata {
  let known: { readonly of: readonly ProtectedResource[]; readonly texts: ReadonlyMap<string, string> } | undefined
  const build = ({ resource, name, scopes }: ProtectedResource): string =>
    JSON.stringify({
      resource,
      resource_name: name,
      authorization_servers: [issuer],
      ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: dpopAlgorithms,
      ...(certificateBound ? { tls_client_certificate_bound_access_tokens: true } : {}),
    })
  const find = ({ host, path, query }: MetadataPlace): string | undefined => {
    const current = resources()
    if (known?.of !== current) {
      const texts = new Map<string, string>()
      for (const resource of current) {
        const url = resourceMetadataUrl(resource.resource)
        if (url !== undefined) texts.set(url.replace(/^https?:\/\//, ''), build(resource))
      }
      known = { of: current, texts }
    }
    return known.texts.get(`${host}${path}${query === '' ? '' : `?${query}`}`)
  }
  return {
    answer(request, response, place) {
      if (!isMetadataPath(place.path)) return false
      const text = find(place)
      if (text === undefined) return false
      if (request.method === 'OPTIONS' && answerPreflight(request, response, ['GET'], 'any', noOrigins)) return true
      send(request, response, text)
      return true
    },
  }
}

const noOrigins: ReadonlySet<string> = new Set()

const isMetadataPath = (path: string): boolean =>
  path === paths.protectedResource || path.startsWith(`${paths.protectedResource}/`)

function send(request: IncomingMessage, response: ServerResponse, text: string): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end()
    return
  }
  const headers: Record<string, string | number> = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'public, max-age=300',
    'x-content-type-options': 'nosniff',
  }
  allowOrigin(request, headers, 'any', noOrigins)
  response.writeHead(200, headers)
  response.end(request.method === 'HEAD' ? undefined : text)
}
