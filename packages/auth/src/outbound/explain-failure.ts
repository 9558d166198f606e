import { OutboundError } from './outbound-error.ts'

const words: Readonly<Record<OutboundError['reason'], string>> = {
  url_not_allowed: 'refused: not an https URL',
  address_not_allowed: 'refused: an address that is not asked',
  unreachable: 'not reached',
  timeout: 'timed out',
  redirected: 'answered with a redirect, which is not followed',
  wrong_type: 'answered with another content type',
  encoded: 'answered with something compressed',
  too_large: 'answered more than is read',
  closed: 'not waited for: Gatehouse is being stopped',
}

/**
 * Why nothing came of asking another server, in words for those who run the place: for the log, and for `gatehouse explain`.
 * Threat: whoever may choose an address and reads this learns which hosts and ports answer, so that it is shown to nobody else.
 * Of what the other server sent nothing stands in it.
 */
export function explainFailure(error: unknown): string {
  if (!(error instanceof OutboundError)) return error instanceof Error ? error.message : 'failed'
  const { reason, cause, wasSent } = error
  if (reason === 'address_not_allowed' && cause instanceof Error) return `refused: ${cause.message}`
  if (reason === 'timeout') return `timed out: no ${wasSent ? 'answer' : 'connection'}`
  return reason === 'unreachable' ? explainUnreached(cause) : words[reason]
}

/** Failures of looking at a certificate, by Node's and OpenSSL's codes. */
const certificateCode = /CERT|CRL|ISSUER|SIGNATURE|HOSTNAME|INVALID_CA|INVALID_PURPOSE/

function explainUnreached(cause: unknown): string {
  if (!(cause instanceof Error)) return 'name not found'
  // Where several addresses were tried, what became of the first stands for all.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  const { code = '', syscall = '' } = (first ?? cause) as NodeJS.ErrnoException
  if (code === 'ENOTFOUND' || code === 'ENODATA') return 'name not found'
  if (/^(?:query|getaddrinfo)/.test(syscall)) return `name not found: its name servers do not say (${code})`
  if (code === 'ECONNREFUSED') return 'connection refused'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'connection ended without an answer'
  if (certificateCode.test(code)) return `certificate not accepted (${code})`
  return `not reached (${code === '' ? cause.name : code})`
}
