import type { Guard } from '../guard.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildRefusalResponse, buildWebRequest } from './web-request.ts'

/** What Next.js hands a route handler beside the request: the parameters of its path. */
export interface RouteContext {
  // biome-ignore lint/suspicious/noExplicitAny: a text, or a list where it is a catch-all; the handler's path says which
  readonly params: Promise<Record<string, any>>
}

/** A route handler that is told who is calling. `context` is what Next.js hands it: the parameters of the path. */
export type GuardedRoute<NextRequest extends Request, Context> = (
  request: NextRequest,
  principal: Principal,
  context: Context,
) => Response | Promise<Response>

/**
 * Wraps route handlers of Next.js (`export const GET = guarded(…)`) so that they run only for callers who satisfy the
 * requirement. Needs the Node.js runtime. What the handler itself throws is Next.js's.
 * A malformed requirement throws here, not per request.
 */
export function guardNext(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return <NextRequest extends Request = Request, Context = RouteContext>(handler: GuardedRoute<NextRequest, Context>) =>
    async (request: NextRequest, context?: Context): Promise<Response> => {
      let principal: Principal
      try {
        principal = await guard.authorize(
          buildWebRequest(request, (name) => request.headers.get(name)),
          requirement,
        )
      } catch (thrown) {
        return buildRefusalResponse(thrown)
      }
      // Next.js always hands one; a unit test of a handler that reads none need not.
      return handler(request, principal, context as Context)
    }
}

/**
 * The same as middleware of Next.js (`proxy.ts`, or `middleware.ts` with the Node.js runtime): the refusal as the answer, or
 * nothing, and the request goes on. It hands no principal on, and a matcher is easily too narrow: it comes before the
 * guarded route handlers and not in their place. For tokens that are bound to keys use the handlers alone: a proof counts once.
 */
export function guardNextMiddleware(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return async (request: Request): Promise<Response | undefined> => {
    try {
      await guard.authorize(
        buildWebRequest(request, (name) => request.headers.get(name)),
        requirement,
      )
      return undefined
    } catch (thrown) {
      return buildRefusalResponse(thrown)
    }
  }
}
