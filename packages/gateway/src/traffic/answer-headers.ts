import type { Visit } from '../visit.ts'

/**
 * What Gatehouse adds to an answer, the service's or its own: name, value, name, value. `undefined` where the route has
 * nothing of the kind. Spec: draft-ietf-httpapi-ratelimit-headers-10 sections 3 and 4.
 */
export function findAnswerHeaders({ route, rate }: Visit): string[] | undefined {
  if (route?.rates === undefined || rate === undefined) return undefined
  return ['ratelimit-policy', route.rates.policy, 'ratelimit', rate.header]
}
