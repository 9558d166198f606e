import type { Guard } from '../guard.ts'
import type { GuardRequest } from '../guard-request.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildGuardRequest, type RequestParts } from './guarded-request.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

/** As much of Koa's context as is needed. */
export interface GuardedKoaContext {
  readonly req: RequestParts
  /** What the client asked for; mounting changes the other one. */
  readonly originalUrl?: string
  readonly state: { principal?: Principal }
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

const buildRequest = ({ req, originalUrl = req.url }: GuardedKoaContext): GuardRequest => ({
  ...buildGuardRequest(req),
  target: originalUrl,
})

/**
 * Middleware for Koa: sets `ctx.state.principal` or answers the refusal.
 * A malformed requirement throws here, not per request.
 */
export function guardKoa(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return async (ctx: GuardedKoaContext, next: () => Promise<unknown>): Promise<void> => {
    try {
      ctx.state.principal = await guard.authorize(buildRequest(ctx), requirement)
    } catch (thrown) {
      const { status, headers, body } = buildRefusalAnswer(thrown)
      ctx.status = status
      ctx.body = body
      // After the body, since Koa guesses a content type from a text.
      ctx.set({ ...headers })
      return
    }
    await next()
  }
}
