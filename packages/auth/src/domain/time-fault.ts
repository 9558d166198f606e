import type { JsonObject } from '@gatehouse/core/json'
import { signerClockTolerance } from '@gatehouse/core/time'

/**
 * What is wrong with the times of a token, in words for whoever can set a clock; undefined = nothing. Only who has signed it
 * may hear them. Claims that are no times are not looked at.
 */
export function findTimeFault(claims: JsonObject, now: number): string | undefined {
  for (const name of ['iat', 'nbf']) {
    const moment = claims[name]
    if (typeof moment === 'number' && moment > now + signerClockTolerance) {
      return `its ${name} is ${moment - now} s in the future: do the clocks differ?`
    }
  }
  const { exp } = claims
  return typeof exp === 'number' && exp <= now ? `it expired ${now - exp} s ago: do the clocks differ?` : undefined
}
