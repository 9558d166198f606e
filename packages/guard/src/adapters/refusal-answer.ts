import { GuardRefusal } from '../refusal.ts'

/** The HTTP answer to a refusal. */
export interface RefusalAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
}

/** The answer to what a guard has thrown; what is no refusal is thrown again. Spec: RFC 6750 section 3. */
export function buildRefusalAnswer(thrown: unknown): RefusalAnswer {
  if (!(thrown instanceof GuardRefusal)) throw thrown
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  if (thrown.challenge !== '') headers['www-authenticate'] = thrown.challenge
  if (thrown.details.retryAfter !== undefined) headers['retry-after'] = String(thrown.details.retryAfter)
  return { status: thrown.status, headers, body: JSON.stringify(thrown) }
}
