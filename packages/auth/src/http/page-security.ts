import { paths } from '@gatehouse/core/paths'

/** What the answer to a browser is about. */
export interface ShownAnswer {
  /** Of the endpoint; absent where there is none. */
  readonly path: string | undefined
  readonly status: number
  /** The content type; absent where there is nothing to show. */
  readonly type: string | undefined
  /** For how many seconds browsers come by https alone; absent where nothing is said of that. */
  readonly httpsFor: number | undefined
}

/**
 * Headers of pages and of redirects between them, beside those that a page brings itself. HSTS speaks for this host alone: what
 * else there is in the domain is not ours. Pages are nobody's image, frame or script. Pages of the account have no tie to the
 * window that opened them; those of signing in keep it, since apps that open them in a window of its own hear from it. Spec:
 * RFC 6797 section 6.1, Fetch (Cross-Origin-Resource-Policy), HTML (Cross-Origin-Opener-Policy). Threat: a first visit by http; a
 * page that another site reads out of memory, or steers by its window.
 */
export function pageSecurity({ path, status, type, httpsFor }: ShownAnswer): Readonly<Record<string, string>> {
  const isPage = type?.startsWith('text/html') === true
  if (!isPage && (status < 300 || status > 399)) return {}
  return {
    ...(httpsFor === undefined ? {} : { 'strict-transport-security': `max-age=${httpsFor}` }),
    ...(isPage ? { 'cross-origin-resource-policy': 'same-origin' } : {}),
    ...(isPage && isOfAccount(path) ? { 'cross-origin-opener-policy': 'same-origin' } : {}),
  }
}

const isOfAccount = (path = ''): boolean => path === paths.account || path.startsWith(`${paths.account}/`)
