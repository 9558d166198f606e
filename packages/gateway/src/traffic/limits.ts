import type { Route } from '../route.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import type { RateDefinition, RateLimit } from './rate-limit.ts'
import { arrangeRates, buildRates, checkRates } from './route-rates.ts'

/** What a service or a route takes at most, as the configuration names it. */
export interface LimitsDefinition {
  /** Greatest request body, in bytes. Default: 10 MiB. */
  readonly body?: number | undefined
  /** Greatest body of an answer, in bytes. Default: any. */
  readonly response?: number | undefined
  /** Requests at once. Default: as many as come. */
  readonly concurrency?: number | undefined
  readonly rate?: readonly RateDefinition[] | undefined
}

/** The limits of one place, ready. */
export interface Limits {
  readonly definition: LimitsDefinition
  readonly rates: readonly RateLimit[]
  /** One, or none. */
  readonly concurrency: readonly ConcurrencyLimit[]
}

const defaultBody = 10 * 1024 * 1024

/** Why limits cannot be meant, as a sentence; `undefined` where they can. */
export function checkLimits({ body, response, concurrency, rate = [] }: LimitsDefinition = {}): string | undefined {
  for (const [name, bytes] of Object.entries({ body, response })) {
    if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= 0)) {
      return `limits.${name} is a whole number of bytes`
    }
  }
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    return 'limits.concurrency is a whole number from 1'
  }
  return checkRates(rate)
}

/** Makes the limits of a service, or of one of its routes, ready. They are known to be well-formed. */
export function buildLimits(
  of: { readonly limits?: LimitsDefinition; readonly path?: string; readonly methods?: readonly string[] },
  service: string,
): Limits {
  const { limits: definition = {}, path, methods } = of
  const { rate = [], concurrency } = definition
  const place = path === undefined ? service : `${service}: ${methods?.join(' ') ?? 'any'} ${path}`
  return {
    definition,
    rates: buildRates(rate, place, path === undefined ? '' : 'route-'),
    concurrency: concurrency === undefined ? [] : [new ConcurrencyLimit(concurrency, place)],
  }
}

type OfRoute = Pick<Route, 'rates' | 'concurrency' | 'bodyLimit' | 'responseLimit'>

/** What holds for a route: sizes are its own or else its service's, counts are both. */
export function arrangeLimits(ofService: Limits, own: Limits): OfRoute {
  const concurrency = [...ofService.concurrency, ...own.concurrency]
  return {
    rates: arrangeRates([...ofService.rates, ...own.rates]),
    concurrency: concurrency.length === 0 ? undefined : concurrency,
    bodyLimit: own.definition.body ?? ofService.definition.body ?? defaultBody,
    responseLimit: own.definition.response ?? ofService.definition.response ?? Number.POSITIVE_INFINITY,
  }
}
