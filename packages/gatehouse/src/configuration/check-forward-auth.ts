import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

type ServiceEntry = NonNullable<ConfigurationFile['services']>[string]

/** What has to do with forwarding or with answers, of a service and of a route. */
const ofServices = [
  'connections',
  'balance',
  'upstream_tls',
  'health',
  'timeouts',
  'strip_prefix',
  'add_prefix',
  'cors',
  'response_headers',
  'security_headers',
] as const satisfies readonly (keyof ServiceEntry)[]
const ofRoutes = [
  'strip_prefix',
  'add_prefix',
  'streams',
] as const satisfies readonly (keyof ServiceEntry['routes'][number])[]
const ofLimits = ['response', 'concurrency'] as const satisfies readonly (keyof NonNullable<ServiceEntry['limits']>)[]

/**
 * Reports what would have no effect on a service that another proxy forwards to: Gatehouse judges its requests and sees neither them
 * pass nor their answers. Nobody shall believe in a limit or a header that nobody sets.
 */
export function checkForwardAuth(name: string, entry: ServiceEntry, report: Report): void {
  if (entry.forward_auth !== true || entry.upstream !== undefined) return
  const refuse = (place: readonly (string | number)[]): void =>
    report(
      ['services', name, ...place],
      'has no effect here: the proxy that asks /gateway/check forwards to this service. Set it there, or leave it out',
    )
  for (const key of ofServices) if (entry[key] !== undefined) refuse([key])
  for (const key of ofLimits) if (entry.limits?.[key] !== undefined) refuse(['limits', key])
  for (const [index, route] of entry.routes.entries()) {
    for (const key of ofRoutes) if (route[key] !== undefined) refuse(['routes', index, key])
    for (const key of ofLimits) if (route.limits?.[key] !== undefined) refuse(['routes', index, 'limits', key])
  }
}
