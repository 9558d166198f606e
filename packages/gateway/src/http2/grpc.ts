import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorCode, errorCatalogue } from '@gatehouse/core/errors'
import type { Denial } from '../denial.ts'
import { StreamResponse } from './stream-response.ts'

/** Whether a request is one of gRPC, whose client reads the outcome in `grpc-status` and nowhere else. */
export const isGrpc = ({ httpVersionMajor, headers }: IncomingMessage): boolean =>
  httpVersionMajor === 2 && /^application\/grpc(?:[+;]|$)/i.test(headers['content-type'] ?? '')

/** Status codes of gRPC, by what a client is meant to do: 14 alone says that the same call may be good later. */
const statuses: Partial<Record<ErrorCode, number>> = {
  credentials_required: 16,
  invalid_token: 16,
  invalid_dpop_proof: 16,
  use_dpop_nonce: 16,
  insufficient_user_authentication: 16,
  insufficient_scope: 7,
  forbidden: 7,
  too_many_requests: 8,
  payload_too_large: 8,
  headers_too_large: 8,
  not_found: 12,
  method_not_allowed: 12,
  misdirected_request: 12,
  request_timeout: 4,
  gateway_timeout: 4,
  bad_gateway: 14,
  temporarily_unavailable: 14,
}
/** INTERNAL: what cannot be read, and faults of ours. */
const internal = 13

/**
 * Says no to a call in gRPC's own words: headers alone, or trailers where the answer has begun. `headers` are those that a
 * refusal has beside them, such as a challenge. The reason names the id by which the log knows more.
 * Spec: gRPC over HTTP/2, Responses (Trailers-Only), `grpc-status` and `grpc-message`.
 */
export function refuseCall(
  response: ServerResponse,
  { code }: Denial,
  decisionId: string,
  headers: readonly string[],
): void {
  const text = `${errorCatalogue[code].description} (${code}, ${decisionId})`
  const outcome = ['grpc-status', String(statuses[code] ?? internal), 'grpc-message', encodeMessage(text)]
  if (!response.headersSent) {
    response.writeHead(200, ['content-type', 'application/grpc', 'cache-control', 'no-store', ...outcome, ...headers])
    response.end()
  } else if (response instanceof StreamResponse && response.takesTrailers) {
    response.setTrailers(outcome)
    response.end()
  } else response.destroy()
}

/** Printable ASCII without the percent sign stays as it is. */
const encodeMessage = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
