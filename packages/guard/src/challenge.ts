/** What a WWW-Authenticate challenge says beside the realm. */
export interface ChallengeParameters {
  /** Left out where no credentials were sent at all (RFC 6750 section 3.1). */
  readonly error?: 'invalid_token' | 'insufficient_scope'
  readonly description?: string
  /** The scope that would have satisfied the request. */
  readonly scope?: string
}

/** The value of WWW-Authenticate for a protected resource. Spec: RFC 6750 section 3. */
export function buildChallenge(realm: string, { error, description, scope }: ChallengeParameters = {}): string {
  const parameters = [`realm=${quote(realm)}`]
  if (error) parameters.push(`error=${quote(error)}`)
  if (description) parameters.push(`error_description=${quote(description)}`)
  if (scope) parameters.push(`scope=${quote(scope)}`)
  return `Bearer ${parameters.join(', ')}`
}

/** A quoted-string of printable ASCII: what else there is, quotes and backslashes included, becomes a question mark. */
const quote = (text: string): string => `"${text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
