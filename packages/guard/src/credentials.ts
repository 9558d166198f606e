/** A way to present a token. */
export type TokenScheme = 'Bearer' | 'DPoP'

/** What an Authorization header holds. `absent` also stands for a scheme that presents no token here. */
export type Credentials = { readonly scheme: TokenScheme; readonly token: string } | 'absent' | 'malformed'

const scheme = /^(bearer|dpop)(?: |$)/i
const credentials = /^[a-z]+ +([A-Za-z0-9\-._~+/]+=*) *$/i
const maxHeaderLength = 8192 + 64

/**
 * Reads a token from the one Authorization header of a request; several of them are malformed.
 * Spec: RFC 6750 section 2.1, RFC 9449 section 7.1; the scheme's name knows no case (RFC 9110 section 11.1).
 */
export function parseCredentials(authorization: string | readonly string[] | undefined): Credentials {
  if (authorization === undefined || authorization.length === 0) return 'absent'
  if (typeof authorization !== 'string') {
    return authorization.length === 1 ? parseCredentials(authorization[0]) : 'malformed'
  }
  const name = scheme.exec(authorization)?.[1]
  if (name === undefined) return 'absent'
  if (authorization.length > maxHeaderLength) return 'malformed'
  const token = credentials.exec(authorization)?.[1]
  if (token === undefined) return 'malformed'
  return { scheme: name.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}
