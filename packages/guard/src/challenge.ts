/** What a WWW-Authenticate challenge says beside the realm. */
export interface ChallengeParameters {
  /** The way to present a token; Bearer unless said otherwise. */
  readonly scheme?: 'Bearer' | 'DPoP'
  /** Left out where no credentials were sent at all (RFC 6750 section 3.1). */
  readonly error?: string
  readonly description?: string
  /** The scope that would have satisfied the request. */
  readonly scope?: string
  /** The classes of sign-in of which one would have satisfied it, the one to ask for first (RFC 9470 section 3). */
  readonly acrValues?: readonly string[]
  /** How long ago the sign-in may be, in seconds (RFC 9470 section 3). */
  readonly maxAge?: number
  /** The signature algorithms of DPoP proofs (RFC 9449 section 7.1). */
  readonly algs?: readonly string[]
  /** Where the metadata of the resource are (RFC 9728 section 5.1). */
  readonly resourceMetadata?: string | undefined
}

/**
 * The value of WWW-Authenticate for a protected resource.
 * Spec: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section 3, RFC 9728 section 5.1.
 */
export function buildChallenge(realm: string, parameters: ChallengeParameters = {}): string {
  const { scheme = 'Bearer', error, description, scope, acrValues, maxAge, algs, resourceMetadata } = parameters
  const said: readonly (readonly [name: string, value: string | undefined])[] = [
    ['realm', realm],
    ['error', error],
    ['error_description', description],
    ['scope', scope],
    ['acr_values', acrValues?.join(' ')],
    ['max_age', maxAge === undefined ? undefined : String(maxAge)],
    ['algs', algs?.join(' ')],
    ['resource_metadata', resourceMetadata],
  ]
  const written = said.flatMap(([name, value]) => (value ? [`${name}=${quote(value)}`] : []))
  return `${scheme} ${written.join(', ')}`
}

/** A quoted-string of printable ASCII: what else there is, quotes and backslashes included, becomes a question mark. */
const quote = (text: string): string => `"${text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
