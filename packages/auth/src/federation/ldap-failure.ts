import { ResultCodeError } from 'ldapts'
import { ConnectionLost } from './ldap-connection.ts'
import { ProviderFailure, type ProviderFailureReason } from './provider-failure.ts'

/**
 * Result codes by which a directory says that somebody does not come in (Spec: RFC 4511 appendix A.2): a wrong password, none
 * at all, an entry that is gone, an account that is locked, somebody who may not.
 */
const refusals: ReadonlySet<number> = new Set([19, 32, 48, 49, 50, 53])

/** Busy, unavailable, and limits of its own. */
const outages: ReadonlySet<number> = new Set([3, 11, 51, 52])

/** Whether the answer to a bind means that this is not their password, or that they may not sign in. */
export const isRefusal = (error: unknown): boolean => error instanceof ResultCodeError && refusals.has(error.code)

/** Whether a server says that it is out of order. */
export const isOutage = (error: unknown): boolean => error instanceof ResultCodeError && outages.has(error.code)

/** What went wrong, as the one error of providers. Of a directory's answer only its code is told: its words may be anything. */
export function toProviderFailure(error: unknown, during: string): ProviderFailure {
  if (error instanceof ProviderFailure) return error
  if (error instanceof ConnectionLost) {
    const [reason, detail] = losses[error.why]
    return new ProviderFailure(reason, `${during}: ${detail}`, error, error.why === 'busy' ? 'crowded' : undefined)
  }
  if (error instanceof ResultCodeError) {
    const hint = error.code === 10 ? '; it refers to another server, which is not followed' : ''
    const reason = isOutage(error) ? 'unavailable' : 'misconfigured'
    return new ProviderFailure(reason, `${during}: the directory answered with code ${error.code}${hint}`)
  }
  return new ProviderFailure('invalid_answer', `${during}: the directory's answer cannot be read`)
}

const losses: Readonly<Record<ConnectionLost['why'], readonly [ProviderFailureReason, string]>> = {
  unreachable: ['unavailable', 'no server could be reached'],
  untrusted: ['misconfigured', 'the certificate of the server is not trusted, or not for this host'],
  timeout: ['unavailable', 'the directory did not answer in time'],
  endless: ['invalid_answer', 'the directory answered more than is read'],
  malformed: ['invalid_answer', 'what the directory answered is no answer of LDAP, or not to what was asked'],
  busy: ['unavailable', 'too many wait for a connection to the directory; see pool_size'],
  closed: ['unavailable', 'the directory ended the connection'],
}
