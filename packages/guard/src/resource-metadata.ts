import { paths } from '@gatehouse/core/paths'

/**
 * Where the metadata of a protected resource are: the well-known path goes between its host and its own path. `undefined`
 * for a resource identifier that is no http(s) URL, or has a fragment. Spec: RFC 9728 sections 1.2 and 3.1.
 */
export function resourceMetadataUrl(resource: string): string | undefined {
  if (!URL.canParse(resource) || resource.includes('#')) return undefined
  const { protocol, origin, pathname, search } = new URL(resource)
  if (protocol !== 'https:' && protocol !== 'http:') return undefined
  return `${origin}${paths.protectedResource}${pathname === '/' ? '' : pathname}${search}`
}
