import type { Denial } from '../denial.ts'

const timeouts: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT'])
const notTheUpstreams: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
])

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

/** Whether a failure before anything was sent says that the upstream cannot be reached. */
export const saysUnreachable = (error: Error): boolean => !notTheUpstreams.has(codeOf(error))

/**
 * Whether a failure is that an answer without a body says how long it would have been, as a 304 may; undici misses the body.
 * Spec: RFC 9110 section 8.6.
 */
export const isWholeAllTheSame = (error: Error, status: number): boolean =>
  status === 304 && codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'

/**
 * What a client is told of an upstream's failure: gateway_timeout, temporarily_unavailable (the pool was closed),
 * server_error (the request could not be put into words) or bad_gateway. The log gets the origin and the cause.
 */
export function describeFailure(error: Error, origin: string): Denial {
  const code = codeOf(error)
  const reason = `${origin}: ${code === '' ? '' : `${code} `}${error.message}`
  if (timeouts.has(code)) return { code: 'gateway_timeout', reason, needed: 'an answer in time' }
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') {
    return { code: 'temporarily_unavailable', reason, needed: 'an open gateway', headers: ['retry-after', '1'] }
  }
  if (notTheUpstreams.has(code)) return { code: 'server_error', reason, needed: 'a request that can be forwarded' }
  return { code: 'bad_gateway', reason, needed: 'a usable answer' }
}
