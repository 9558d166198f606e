import { GatehouseError } from '@gatehouse/core/errors'
import type { RefusedRequest } from './check-request.ts'
import type { Denial } from './denial.ts'
import type { Route } from './route.ts'

/** A fault of ours is never a way through. */
export function denyFault(thrown: unknown): Denial {
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  if (thrown instanceof GatehouseError && thrown.status < 500) {
    return { code: thrown.code, reason, needed: 'a request that can be served', close: true }
  }
  // A store that is busy says so itself.
  if (thrown instanceof GatehouseError && thrown.code === 'temporarily_unavailable') {
    return { code: thrown.code, reason, needed: 'a store that answers', headers: ['retry-after', '1'] }
  }
  return { code: 'server_error', reason, needed: 'a gateway without this fault', close: true }
}

/** The denial for a request that was refused before any routing. */
export const unreadable = ({ code, reason }: RefusedRequest): Denial => ({
  code,
  reason,
  needed: 'a request that can be read in one way only',
  close: true,
})

/** The denial for a path whose beginning cannot be taken off. Code: invalid_request. */
export const beside = ({ rewrite }: Route): Denial => ({
  code: 'invalid_request',
  rule: 'strip_prefix',
  reason: 'the path spells the beginning that is taken off in another way',
  needed: `a path that begins with ${rewrite?.strip ?? ''}, byte for byte`,
})

/** The denial for a service that another proxy forwards to, when somebody asks us for it directly. */
export const onlyAsked: Denial = {
  code: 'not_found',
  reason: 'the service has no upstream: another proxy forwards to it and asks /gateway/check',
  needed: 'a request to that proxy',
}
