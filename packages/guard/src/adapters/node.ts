import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../guard.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildGuardRequest } from './guarded-request.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

/** A request handler that is told who is calling. */
export type GuardedHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal,
) => void | Promise<void>

/**
 * Wraps handlers of node:http so that they run only for callers who satisfy the requirement.
 * What the handler itself throws rejects the returned promise. A malformed requirement throws here, not per request.
 */
export function guardNode(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return (handler: GuardedHandler) =>
    async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      let principal: Principal
      try {
        principal = await guard.authorize(buildGuardRequest(request), requirement)
      } catch (thrown) {
        const { status, headers, body } = buildRefusalAnswer(thrown)
        response.writeHead(status, headers).end(body)
        return
      }
      await handler(request, response, principal)
    }
}
