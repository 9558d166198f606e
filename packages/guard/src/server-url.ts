import { GatehouseError } from '@gatehouse/core/errors'

/**
 * Reads the URL of a server that is to be trusted: https, or http to the own machine, or http to anywhere where that was
 * allowed on purpose. No user information, no fragment.
 * Throws a GatehouseError that names `what`. Stops: keys fetched over a wire that somebody else can write on.
 */
export function parseServerUrl(value: string, { what, allowHttp }: { what: string; allowHttp: boolean }): URL {
  if (!URL.canParse(value)) throw refused(what, 'is not a URL')
  const url = new URL(value)
  if (url.username !== '' || url.password !== '' || value.includes('#')) {
    throw refused(what, 'has user information or a fragment')
  }
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw refused(what, 'is not an https URL')
  if (!allowHttp && !isLoopback(url.hostname)) {
    throw refused(what, 'is http, which is accepted for this machine only (or with insecure.allowHttpIssuer)')
  }
  return url
}

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127(\.\d+){3}$/.test(hostname)

const refused = (what: string, why: string): GatehouseError =>
  new GatehouseError('server_error', { description: `The ${what} ${why}` })
