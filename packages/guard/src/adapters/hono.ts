import type {} from 'hono'
import type { Guard } from '../guard.ts'
import type { GuardRequest } from '../guard-request.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

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

const buildRequest = ({ req }: GuardedHonoContext): GuardRequest => {
  const { pathname, search } = new URL(req.url)
  return {
    authorization: req.header('authorization'),
    dpop: req.header('dpop'),
    method: req.method,
    target: pathname + search,
  }
}

/**
 * Middleware for Hono: `c.get('principal')` afterwards, or the refusal as the answer. Several Authorization headers reach
 * Hono joined by a comma, which no token contains, so they are refused as well.
 * A malformed requirement throws here, not per request.
 */
export function guardHono(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return async (c: GuardedHonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    try {
      c.set('principal', await guard.authorize(buildRequest(c), requirement))
    } catch (thrown) {
      const { status, headers, body } = buildRefusalAnswer(thrown)
      return new Response(body, { status, headers })
    }
    await next()
    return undefined
  }
}
