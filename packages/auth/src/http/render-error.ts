import type { GatehouseError } from '@gatehouse/core/errors'
import { type AskedOf, describeAsked, findClaimedClient } from './describe-asked.ts'
import type { Answer } from './endpoint.ts'

/** Hears of every refusal, once. */
export type RefusalLog = (refusal: {
  readonly request_id: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly error: string
  readonly description: string
  readonly cause: unknown
  /** What would have been let through; empty where only the code says it. */
  readonly needed: string
  readonly host: string
  readonly address: string
  /** The client that the request says to be from, proven or not; empty where it says none. */
  readonly client_id: string
  /** What was asked for, without anything that proves somebody. */
  readonly asked: string
}) => void

/**
 * Tells the log of a refusal, with all that explains it to those who run the place.
 * The path is logged without its query, since a query may carry a secret.
 */
export function logRefusal(log: RefusalLog, error: GatehouseError, request: AskedOf): void {
  log({
    request_id: request.requestId,
    method: request.method,
    path: request.path,
    status: error.status,
    error: error.code,
    description: error.message,
    cause: error.cause,
    needed: error.details.needed ?? '',
    host: request.headers.host ?? '',
    address: request.address,
    client_id: findClaimedClient(request),
    asked: describeAsked(request),
  })
}

/** An error as JSON: the stable code, a sentence for strangers, and the id under which the log knows the rest. */
export function renderError(error: GatehouseError, requestId: string): Answer {
  const headers: Record<string, string> = { ...error.details.headers }
  if (error.details.retryAfter !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.details.retryAfter)))
  return {
    status: error.status,
    json: { error: error.code, error_description: error.message, ...error.details.members, request_id: requestId },
    headers,
  }
}
