import type { Denial } from '../denial.ts'
import type { Route } from '../route.ts'

/** The denial for an answer whose token was revoked meanwhile. Code: invalid_token. */
export const revokedMeanwhile: Denial = {
  code: 'invalid_token',
  reason: 'the token was revoked while the answer was under way',
  needed: 'a token of a session that lasts',
  challenge: { error: 'invalid_token' },
}

/** The denial for a stream that has outlasted what it was opened by. Code: invalid_token. */
export const expiredMeanwhile: Denial = {
  code: 'invalid_token',
  rule: 'streams.until',
  reason: 'what the stream was opened by has expired',
  needed: 'a token of a session that lasts',
  challenge: { error: 'invalid_token' },
}

/**
 * The denial for what is not over when Gatehouse has waited long enough. `mayRepeat`: whether the same request may be sent again: what a service
 * has heard of, it may have done. Codes: temporarily_unavailable, bad_gateway.
 */
export const stopping = (mayRepeat: boolean): Denial => ({
  reason: 'Gatehouse stops',
  close: true,
  ...(mayRepeat
    ? { code: 'temporarily_unavailable', needed: 'the same request again', headers: ['retry-after', '1'] }
    : { code: 'bad_gateway', needed: 'a look at whether it was done: the service has the request' }),
})

/** The denial for a body that turns out too long. Code: payload_too_large. */
export const tooLarge = (route: Route): Denial => ({
  code: 'payload_too_large',
  reason: 'the body is longer than the limit',
  needed: `a body of at most ${route.bodyLimit} bytes`,
  close: true,
})

/** What is said where an answer is longer than may be let through. Code: bad_gateway. */
export const tooLong = (route: Route): Denial => ({
  code: 'bad_gateway',
  rule: 'limits.response',
  reason: 'the answer is longer than the limit',
  needed: `an answer of at most ${route.responseLimit} bytes`,
})

/** The denial for a request for which no upstream has a connection. Code: temporarily_unavailable. */
export const noConnection = (needed: string): Denial => ({
  code: 'temporarily_unavailable',
  reason: 'no upstream can be reached or has a connection to spare',
  needed,
  headers: ['retry-after', '1'],
})
