import type {} from 'hono'
import type { Guard } from '../guard.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildRefusalResponse, buildWebRequest } from './web-request.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Who is calling: set by `guardHono`. */
    principal: Principal
  }
}

/** As much of Hono's context as is needed. */
export interface GuardedHonoContext {
  readonly req: { readonly method: string; readonly url: string; header(name: string): string | undefined }
  set(key: 'principal', value: Principal): void
}

/**
 * Middleware for Hono: `c.get('principal')` afterwards, or the refusal as the answer.
 * A malformed requirement throws here, not per request.
 */
export function guardHono(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return async (c: GuardedHonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    try {
      c.set(
        'principal',
        await guard.authorize(
          buildWebRequest(c.req, (name) => c.req.header(name)),
          requirement,
        ),
      )
    } catch (thrown) {
      return buildRefusalResponse(thrown)
    }
    await next()
    return undefined
  }
}
