import type { Clock } from '@gatehouse/core/time'
import type { GuardRefusal, GuardRefusalReason } from './refusal.ts'

/** What a client cannot help: the service is set up otherwise than the issuer, or does not reach it. */
const ours: ReadonlySet<GuardRefusalReason> = new Set([
  'keys_unavailable',
  'introspection_unavailable',
  'client_refused',
  'feed_lost',
  'wrong_issuer',
  'wrong_audience',
  'wrong_type',
  'wrong_request',
  'unknown_key',
  'opaque_token',
  'not_active',
])

/** Seconds for which a reason is not told again. */
const silence = 60

/**
 * What a guard does about its refusals where it was not told: the reasons that whoever runs the service can mend go to standard
 * error, each at most once a minute. Nothing of a token is told but whom it is for.
 */
export function createRefusalLog(clock: Clock, warn: (line: string) => void = console.warn) {
  const toldAt = new Map<GuardRefusalReason, number>()
  return (refusal: GuardRefusal): void => {
    const { reason } = refusal
    const now = clock.now()
    if (!ours.has(reason) || now < (toldAt.get(reason) ?? Number.NEGATIVE_INFINITY) + silence) return
    toldAt.set(reason, now)
    warn(`Gatehouse guard: refused with ${refusal.status} ${refusal.code}: ${reason}${describeCauses(refusal)}`)
  }
}

/** What is behind a refusal, the nearest first. Four are enough to get to the network's own words. */
function describeCauses(refusal: Error): string {
  let text = ''
  let error: unknown = refusal.cause
  for (let depth = 0; depth < 4 && error instanceof Error; depth += 1) {
    text += `: ${error.message}`
    error = error.cause
  }
  return text
}
