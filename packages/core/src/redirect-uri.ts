/** Schemes that a redirect URI never has: a browser would run what follows, or read a file. */
const forbiddenSchemes = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'file:',
  'blob:',
  'about:',
  'ws:',
  'wss:',
  'ftp:',
])

/** Why a redirect URI is refused. */
export type RedirectUriFault =
  | 'is not an absolute URI of printable ASCII'
  | 'has a fragment'
  | 'has a user name or password'
  | 'has a scheme that is never allowed'
  | 'has a dot segment'
  | 'is http and not on this machine'
  | 'has a scheme of its own without a dot'

/** Host names that mean the machine itself, for which http is good enough (RFC 8252 section 7.3). */
const isLoopbackHost = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'

/**
 * What is wrong with a redirect URI, whoever sends it; `undefined` where nothing is.
 * Spec: RFC 6749 section 3.1.2, RFC 8252 sections 7.1 and 8.4, RFC 9700 section 4.1.
 * Allowed: https; http on this machine; a private-use scheme that is a reversed domain name. Cost: one URL parse.
 */
export function checkRedirectUri(uri: string): RedirectUriFault | undefined {
  if (uri.length > 2048 || !/^[\x21-\x7e]+$/.test(uri) || /[\\"<>^`{|}]/.test(uri) || !URL.canParse(uri)) {
    return 'is not an absolute URI of printable ASCII'
  }
  if (uri.includes('#')) return 'has a fragment'
  const url = new URL(uri)
  if (forbiddenSchemes.has(url.protocol)) return 'has a scheme that is never allowed'
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  if (isWeb && !/^https?:\/\/[^/]/.test(uri)) return 'is not an absolute URI of printable ASCII'
  const [, authority = '', path = ''] = /^[^:]*:(?:\/\/([^/?]*))?([^?]*)/.exec(uri) ?? []
  if (authority.includes('@')) return 'has a user name or password'
  // What a URL parser would rewrite is not what was registered.
  if (/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(path)) return 'has a dot segment'
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return 'is http and not on this machine'
  if (isWeb) return undefined
  if (!/^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol)) return 'has a scheme of its own without a dot'
  return undefined
}

/**
 * The registered URI that a presented one is, compared character by character; for http on a literal loopback address any
 * port is the same (RFC 8252 section 7.3, RFC 9700 section 2.1). `undefined` = none.
 */
export function findRedirectUri(presented: string, registered: readonly string[]): string | undefined {
  const exact = registered.find((uri) => uri === presented)
  if (exact !== undefined) return exact
  const withoutPort = splitLoopback(presented)
  if (withoutPort === undefined || checkRedirectUri(presented) !== undefined) return undefined
  return registered.find((uri) => splitLoopback(uri) === withoutPort)
}

/** A loopback http URI with its port taken out; `undefined` for every other URI. */
function splitLoopback(uri: string): string | undefined {
  const match = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:[/?].*)?)$/s.exec(uri)
  return match ? `${match[1]}${match[2]}` : undefined
}
