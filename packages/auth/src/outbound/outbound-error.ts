/** Why a document was not had. */
export type OutboundFailure =
  | 'url_not_allowed'
  | 'address_not_allowed'
  | 'unreachable'
  | 'timeout'
  | 'redirected'
  | 'wrong_type'
  | 'encoded'
  | 'too_large'
  | 'closed'

/**
 * The one error of requests to other servers. Its message is the same whatever happened, so that nobody who reads it
 * learns which hosts and ports answer; `reason` and `cause` are for the log.
 */
export class OutboundError extends Error {
  readonly reason: OutboundFailure
  /** Whether the other server may have had the request by then; for `unreachable` and `timeout`. */
  readonly wasSent: boolean

  constructor(reason: OutboundFailure, cause?: unknown, wasSent = false) {
    super('the document could not be fetched', { cause })
    this.name = 'OutboundError'
    this.reason = reason
    this.wasSent = wasSent
  }
}
