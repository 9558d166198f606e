/** What a browser says of where a request comes from. */
export interface OriginHeaders {
  readonly origin?: string | undefined
  readonly 'sec-fetch-site'?: string | readonly string[] | undefined
}

/**
 * Whether a page of this very origin has sent a request. What says nothing about that is not believed to, and of two headers
 * neither may say otherwise. A page that tells nobody where it is (`Referrer-Policy: no-referrer`) sends its forms with
 * `Origin: null`, which then says nothing either way; a page in a sandbox does so too, and is `cross-site`. Spec: Fetch Metadata
 * Request Headers section 2.3; RFC 6454 section 7; Fetch section 3.2 (what Origin is made of).
 * Stops: requests that another site has a browser send (CSRF).
 */
export function isOfSameOrigin({ origin, 'sec-fetch-site': site }: OriginHeaders, own: string): boolean {
  if (site === undefined) return origin === own
  return site === 'same-origin' && (origin === own || origin === undefined || origin === 'null')
}
