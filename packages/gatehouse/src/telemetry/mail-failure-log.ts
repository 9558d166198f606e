import type { Clock } from '@gatehouse/core/time'
import type { Logger } from './log.ts'

/** Seconds between two lines: a mail server that is away for an hour is a few lines and not thousands. */
const quiet = 60

/**
 * Says why mails could not be delivered, at most once a minute. What a mail server answers names its recipients, and is not
 * logged; its codes are.
 */
export function createMailFailureLog(log: Pick<Logger, 'warn'>, clock: Clock): (error: unknown) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (error) => {
    if (clock.now() - saidAt < quiet) return
    saidAt = clock.now()
    const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined }
    log.warn({ why: message, ...codesOf(cause) }, 'mail not delivered, tried again later')
  }
}

/** What a library says of a failure in codes: no addresses, no text of others. */
function codesOf(cause: unknown): Readonly<Record<string, unknown>> {
  if (typeof cause !== 'object' || cause === null) return {}
  const names = ['code', 'originalCode', 'responseCode', 'command', 'reason']
  return Object.fromEntries(Object.entries(cause).filter(([name]) => names.includes(name)))
}
