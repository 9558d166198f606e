import type { Guard } from '../guard.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildGuardRequest, type RequestParts } from './guarded-request.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who is calling: set by `guardExpress`. */
      principal?: Principal
    }
  }
}

/** As much of Express's request as is needed. */
export interface ExpressRequest extends RequestParts {
  principal?: Principal
}

/** As much of Express's response as is needed. */
export interface ExpressResponse {
  status(code: number): unknown
  set(headers: Record<string, string>): unknown
  end(body: string): unknown
}

/**
 * Middleware for Express 4 and 5: sets `request.principal` or answers the refusal. Errors that are no refusal go to
 * `next`. A malformed requirement throws here, not per request.
 */
export function guardExpress(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void): void => {
    guard
      .authorize(buildGuardRequest(request), requirement)
      .then(
        (principal) => {
          request.principal = principal
          next()
        },
        (thrown: unknown) => sendRefusal(response, thrown),
      )
      // What is no refusal, and an answer that somebody else has begun already.
      .catch(next)
  }
}

function sendRefusal(response: ExpressResponse, thrown: unknown): void {
  const { status, headers, body } = buildRefusalAnswer(thrown)
  response.status(status)
  response.set({ ...headers })
  response.end(body)
}
