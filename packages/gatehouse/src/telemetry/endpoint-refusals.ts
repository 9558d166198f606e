import type { RefusalLog } from '@gatehouse/auth/http/render-error'
import type { ErrorCode } from '@gatehouse/core/errors'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import type { Logger } from './log.ts'
import type { RefusalRecord } from './refusal-record.ts'

type EndpointRefusal = Parameters<RefusalLog>[0]

/** Answers that are a step on the way, and no refusal that anybody asks about. */
const steps: ReadonlySet<string> = new Set<ErrorCode>([
  'authorization_pending',
  'slow_down',
  'mfa_required',
  'use_dpop_nonce',
])

/** What would have been let through, where the endpoint itself says no more. */
const neededFor: Partial<Record<string, string>> = {
  invalid_client: 'proof of the client, by the method that it is registered for',
  invalid_grant: 'a code or token that is unused, of this client, and of a session that lasts',
  invalid_credentials: 'the right proof, of an account that may sign in',
  too_many_requests: 'fewer requests, after the time in Retry-After',
  login_required: 'a browser with a session, or a request that may show a page',
  consent_required: 'consent, or a request that may ask for it',
  access_denied: 'consent of the user',
  invalid_redirect_uri: 'a registered redirect URI, letter by letter',
  not_found:
    'a path of the endpoints; those that mail somebody, such as /signup and /recover, are there with `mail` alone',
} satisfies Partial<Record<ErrorCode, string>>

/** Logs what Gatehouse's own endpoints refuse, and keeps it for `gatehouse explain`, by the request_id of the answer. */
export const createEndpointRefusalLog =
  (log: Logger, record: RefusalRecord): RefusalLog =>
  (refusal) => {
    const { cause, ...known } = refusal
    const isOurs = refusal.status >= 500
    const why = cause instanceof Error ? (isOurs ? (cause.stack ?? cause.message) : cause.message) : undefined
    log[isOurs ? 'error' : 'info']({ ...known, ...(why === undefined ? {} : { why }) }, 'request refused')
    if (!steps.has(refusal.error)) record.add(toEntry(refusal))
  }

/** In the words of the gateway's refusals: the endpoint is the route, and what was asked for stands where a rule would. */
function toEntry(refusal: EndpointRefusal): RefusalEntry {
  const { request_id, error, status, path, method, host, address, client_id, asked, cause, description } = refusal
  return {
    ...{ decision_id: request_id, request_id, status, method, host, path, address, client_id },
    code: error as ErrorCode, // errors of endpoints are the catalogue's
    route: error === 'not_found' || error === 'method_not_allowed' ? '' : path,
    subject: '',
    rule: asked,
    reason: cause instanceof Error ? cause.message : description,
    needed: refusal.needed || (neededFor[error] ?? description),
  }
}
