import type { Visit } from '../visit.ts'
import { corsHeaders } from './cors-policy.ts'

/**
 * What Gatehouse adds to an answer, the service's or a refusal of its own: name, value, name, value. `undefined` where the
 * route has nothing of the kind. Spec: draft-ietf-httpapi-ratelimit-headers-10 sections 3 and 4.
 */
export function findAnswerHeaders({ route, rate, request }: Visit, isRefusal: boolean): readonly string[] | undefined {
  const rules = route?.answers
  if (route === undefined || rules === undefined) return undefined
  const headers = isRefusal ? [...rules.setOnRefusal] : [...rules.set]
  if (rules.cors !== undefined) headers.push(...corsHeaders(rules.cors, request.headers.origin))
  if (route.rates !== undefined && rate !== undefined) {
    headers.push('ratelimit-policy', route.rates.policy, 'ratelimit', rate.header)
  }
  return headers
}
