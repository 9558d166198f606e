/** What an Authorization header holds. `absent` also stands for another scheme, which is no bearer token at all. */
export type BearerCredentials = { readonly token: string } | 'absent' | 'malformed'

const scheme = /^bearer(?: |$)/i
const credentials = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i
const maxHeaderLength = 8192 + 64

/**
 * Reads a bearer token from the one Authorization header of a request; several of them are malformed.
 * Spec: RFC 6750 section 2.1; the scheme's name knows no case (RFC 9110 section 11.1).
 */
export function parseBearer(authorization: string | readonly string[] | undefined): BearerCredentials {
  if (authorization === undefined || authorization.length === 0) return 'absent'
  if (typeof authorization !== 'string') {
    return authorization.length === 1 ? parseBearer(authorization[0]) : 'malformed'
  }
  if (!scheme.test(authorization)) return 'absent'
  if (authorization.length > maxHeaderLength) return 'malformed'
  const token = credentials.exec(authorization)?.[1]
  return token === undefined ? 'malformed' : { token }
}
