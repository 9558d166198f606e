/**
 * The one catalogue of errors: a stable code, the HTTP status that goes with it, and a sentence that is safe to show to a
 * stranger. Codes of the OAuth family are those of RFC 6749 section 5.2, RFC 6750 section 3.1 and RFC 8707 section 2.
 */
export const errorCatalogue = {
  invalid_request: { status: 400, description: 'The request is malformed' },
  invalid_client: { status: 401, description: 'Client authentication failed' },
  invalid_grant: { status: 400, description: 'The grant is invalid, expired or revoked' },
  unauthorized_client: { status: 400, description: 'The client may not use this grant type' },
  unsupported_grant_type: { status: 400, description: 'The grant type is not supported' },
  unsupported_token_type: { status: 400, description: 'The token type cannot be revoked' },
  invalid_scope: { status: 400, description: 'No asked scope is allowed' },
  invalid_target: { status: 400, description: 'The asked audience is unknown or not allowed' },
  invalid_credentials: { status: 401, description: 'Invalid credentials' },
  invalid_token: { status: 401, description: 'The access token is invalid, expired or revoked' },
  credentials_required: { status: 401, description: 'Authentication is required' },
  insufficient_scope: { status: 403, description: 'The access token lacks a required scope or role' },
  forbidden: { status: 403, description: 'The request is not allowed' },
  weak_password: { status: 400, description: 'The password does not meet the rules' },
  already_exists: { status: 409, description: 'The name is taken' },
  not_found: { status: 404, description: 'Nothing is here' },
  method_not_allowed: { status: 405, description: 'The method is not allowed here' },
  request_timeout: { status: 408, description: 'The request took too long to arrive' },
  payload_too_large: { status: 413, description: 'The request body is too large' },
  uri_too_long: { status: 414, description: 'The request target is too long' },
  unsupported_media_type: { status: 415, description: 'The content type is not supported' },
  misdirected_request: { status: 421, description: 'This host is not served here' },
  too_many_requests: { status: 429, description: 'Too many requests; try again later' },
  headers_too_large: { status: 431, description: 'The request headers are too large' },
  server_error: { status: 500, description: 'Something went wrong' },
  bad_gateway: { status: 502, description: 'The service gave no usable answer' },
  temporarily_unavailable: { status: 503, description: 'Temporarily unavailable; try again later' },
  gateway_timeout: { status: 504, description: 'The service did not answer in time' },
} as const satisfies Record<string, { status: number; description: string }>

/** A code of the catalogue: what stands in `error` on the wire. */
export type ErrorCode = keyof typeof errorCatalogue

/** What may be said beside the code. */
export interface ErrorDetails {
  /** A sentence that is safe for strangers, in place of the catalogue's. */
  readonly description?: string
  /** What really happened: for the log only. */
  readonly cause?: unknown
  /** Seconds after which a retry makes sense: the Retry-After header. */
  readonly retryAfter?: number
  /** Further response headers, such as a challenge. */
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the JSON answer. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The one error that is thrown on purpose. Its message is safe for strangers; `cause` is for the log. */
export class GatehouseError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.description ?? errorCatalogue[code].description, { cause: details.cause })
    this.name = 'GatehouseError'
    this.code = code
    this.status = errorCatalogue[code].status
    this.details = details
  }
}

/** Whatever was thrown as an error of the catalogue: itself, or `server_error` with the rest as its cause. */
export const asGatehouseError = (thrown: unknown): GatehouseError =>
  thrown instanceof GatehouseError ? thrown : new GatehouseError('server_error', { cause: thrown })
