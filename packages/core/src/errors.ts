/**
 * The one catalogue of errors: a stable code, the HTTP status that goes with it, and a sentence that is safe to show to a
 * stranger. Codes of the OAuth family are spelled as their RFCs register them (RFC 6749, 6750, 7591, 8628, 8707, 9396, 9449,
 * 9470, OpenID Connect Core section 3.1.2.6, CIBA section 13).
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
  access_denied: { status: 400, description: 'The request was refused' },
  unsupported_response_type: { status: 400, description: 'The response type is not supported' },
  login_required: { status: 400, description: 'The user has to sign in' },
  consent_required: { status: 400, description: 'The user has to agree' },
  interaction_required: { status: 400, description: 'The user has to do something' },
  unmet_authentication_requirements: { status: 400, description: 'The required kind of sign-in cannot be reached' },
  invalid_request_object: { status: 400, description: 'The request object is not valid' },
  invalid_request_uri: { status: 400, description: 'The request_uri is unknown, expired or cannot be read' },
  invalid_authorization_details: { status: 400, description: 'The authorization_details are not valid' },
  invalid_dpop_proof: { status: 400, description: 'The DPoP proof is not valid' },
  use_dpop_nonce: { status: 400, description: 'The DPoP proof needs the nonce of the DPoP-Nonce header' },
  authorization_pending: { status: 400, description: 'The user has not decided yet' },
  slow_down: { status: 400, description: 'Ask less often: wait five seconds longer between two requests' },
  expired_token: { status: 400, description: 'The code has expired; begin anew' },
  invalid_binding_message: { status: 400, description: 'The binding_message is too long or cannot be shown' },
  unknown_user_id: { status: 400, description: 'The hint names no user who can be asked' },
  invalid_redirect_uri: { status: 400, description: 'A redirect URI is not allowed' },
  invalid_client_metadata: { status: 400, description: 'The client metadata is not valid' },
  invalid_credentials: { status: 401, description: 'Invalid credentials' },
  mfa_required: { status: 401, description: 'A second factor is required' },
  invalid_token: { status: 401, description: 'The access token is invalid, expired or revoked' },
  credentials_required: { status: 401, description: 'Authentication is required' },
  insufficient_user_authentication: { status: 401, description: 'A stronger or more recent sign-in is required' },
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
  /** What would have been let through: for the log only. */
  readonly needed?: string
  /** Seconds after which a retry makes sense: the Retry-After header. */
  readonly retryAfter?: number
  /** Further response headers, such as a challenge. */
  readonly headers?: Readonly<Record<string, string>>
  /** Further members of the JSON answer. */
  readonly members?: Readonly<Record<string, unknown>>
  /** Where people can begin anew with what has expired: a path. */
  readonly startAgain?: string
  /** That the browser sent no cookie where it should have one: to begin anew will not help it. */
  readonly lacksCookies?: boolean
  /** Where people can add the second factor that they lack: an address. */
  readonly addFactorAt?: string
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

/** Why something came to nothing, for the log: what is behind an error of the catalogue, or the error itself. */
export const reasonBehind = (thrown: unknown): unknown => (thrown instanceof GatehouseError ? thrown.cause : thrown)

/** Seconds after which those come back who were refused for a while: 1 to 3. */
const soonest = 1
const latestBesides = 2

/**
 * `temporarily_unavailable` with a Retry-After of 1 to 3 seconds, drawn anew each time that it is read: one error may refuse
 * many, who are not to come back together.
 */
export const buildUnavailable = (cause?: unknown): GatehouseError =>
  new GatehouseError('temporarily_unavailable', {
    cause,
    get retryAfter() {
      return soonest + Math.floor(Math.random() * (latestBesides + 1))
    },
  })
