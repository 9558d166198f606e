import { createHash } from 'node:crypto'
import type { Denial } from '../denial.ts'
import type { Visit } from '../visit.ts'
import { addressKey } from './address-key.ts'
import { type RateDefinition, RateLimit, type RouteRates } from './rate-limit.ts'
import { longestKey } from './usage-message.ts'

/** Why rate limits cannot be meant, as a sentence; `undefined` where they can. */
export function checkRates(rates: readonly RateDefinition[]): string | undefined {
  const seen = new Set<string>()
  for (const { per, requests, window, burst = requests } of rates) {
    if (![requests, burst].every((value) => Number.isSafeInteger(value) && value >= 1 && value <= 1e9)) {
      return 'limits.rate: requests and burst are whole numbers from 1'
    }
    if (!(window >= 1 && window <= 86_400)) return 'limits.rate: in is from 1s to 1d'
    const key = `${per} ${window}`
    if (seen.has(key)) return `limits.rate: per: ${per} stands twice for ${window} s`
    seen.add(key)
  }
  return undefined
}

/** Makes the limits of one place ready. `prefix` goes before their names, by which answers tell them apart. */
export function buildRates(rates: readonly RateDefinition[], place: string, prefix: string): readonly RateLimit[] {
  return rates.map((rate) => {
    const again = rates.filter(({ per }) => per === rate.per).length > 1
    return new RateLimit(rate, place, `${prefix}${rate.per}${again ? `-${rate.window}` : ''}`)
  })
}

/** Sorts limits by when they are counted; `undefined` where there are none, so that a route without any pays nothing. */
export function arrangeRates(limits: readonly RateLimit[]): RouteRates | undefined {
  if (limits.length === 0) return undefined
  return {
    byAddress: limits.filter(({ per }) => per === 'address'),
    byCaller: limits.filter(({ per }) => per === 'principal' || per === 'client'),
    byRoute: limits.filter(({ per }) => per === 'route'),
    policy: limits.map(({ policy }) => policy).join(', '),
  }
}

/**
 * Counts a request against all of some limits, or against none of them where one is used up. Code: too_many_requests. Leaves
 * in the visit what the answer says of it.
 */
export function takeRates(limits: readonly RateLimit[], visit: Visit): Denial | undefined {
  for (let index = 0; index < limits.length; index += 1) {
    const limit = limits[index] as RateLimit
    const left = limit.take(keyOf(limit, visit), visit.startedAt)
    if (left < 0) {
      for (const taken of limits.slice(0, index)) taken.giveBack(keyOf(taken, visit))
      visit.rate = { remaining: 0, header: limit.describe(0, -left) }
      return deny(limit, left)
    }
    if (visit.rate === undefined || left < visit.rate.remaining) {
      visit.rate = { remaining: left, header: limit.describe(left) }
    }
  }
  return undefined
}

function deny(limit: RateLimit, wait: number): Denial {
  const seconds = Math.max(1, Math.ceil(-wait / 1000))
  return {
    code: 'too_many_requests',
    rule: 'limits.rate',
    reason: `too many requests of one ${limit.per}; the next one may come in ${seconds} s`,
    needed: limit.needed,
    headers: ['retry-after', String(seconds)],
  }
}

/** Whom a limit counts a request for. Who is not known is counted by address, apart from every name. */
function keyOf({ per }: RateLimit, { token, address }: Visit): string {
  if (per === 'route') return ''
  if (per === 'address') return addressKey(address)
  if (token === undefined) return ` ${addressKey(address)}`
  return nameKey(per === 'client' ? token.claims.client_id : token.claims.sub)
}

/** A name that is too long to be told to others counts by its hash. */
const nameKey = (name: string): string =>
  name.length <= longestKey ? name : `=${createHash('sha256').update(name).digest('base64url')}`
