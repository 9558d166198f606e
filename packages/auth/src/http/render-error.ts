import type { IncomingMessage } from 'node:http'
import type { GatehouseError } from '@gatehouse/core/errors'
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
}) => void

/**
 * An error as JSON: the stable code, a sentence for strangers, and the id under which the log knows the rest.
 * The path is logged without its query, since a query may carry a secret.
 */
export function renderError(
  error: GatehouseError,
  requestId: string,
  request: IncomingMessage,
  log: RefusalLog,
): Answer {
  log({
    request_id: requestId,
    method: request.method ?? '',
    path: (request.url ?? '').split('?', 1)[0] ?? '',
    status: error.status,
    error: error.code,
    description: error.message,
    cause: error.cause,
  })
  const headers: Record<string, string> = { ...error.details.headers }
  if (error.details.retryAfter !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.details.retryAfter)))
  return {
    status: error.status,
    json: { error: error.code, error_description: error.message, ...error.details.members, request_id: requestId },
    headers,
  }
}
