import type {} from 'fastify'
import type { Guard } from '../guard.ts'
import type { Principal } from '../principal.ts'
import { parseRequirement, type Requirement } from '../requirement.ts'
import { buildGuardRequest, type RequestParts } from './guarded-request.ts'
import { buildRefusalAnswer } from './refusal-answer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling: set by `guardFastify`. */
    principal?: Principal
  }
}

/** As much of Fastify's request as is needed. */
export interface GuardedFastifyRequest {
  readonly raw: RequestParts
  principal?: Principal
}

/** As much of Fastify's reply as is needed. */
export interface GuardedFastifyReply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body: string): unknown
}

/**
 * A hook for Fastify (`preHandler` or `onRequest`): sets `request.principal` or answers the refusal.
 * A malformed requirement throws here, not per request.
 */
export function guardFastify(guard: Guard, require: Requirement = {}) {
  const requirement = parseRequirement(require)
  return async (request: GuardedFastifyRequest, reply: GuardedFastifyReply): Promise<unknown> => {
    try {
      request.principal = await guard.authorize(buildGuardRequest(request.raw), requirement)
      return undefined
    } catch (thrown) {
      const { status, headers, body } = buildRefusalAnswer(thrown)
      reply.code(status)
      reply.headers({ ...headers })
      reply.send(body)
      // Returning the reply is how an async hook says that it has answered.
      return reply
    }
  }
}
