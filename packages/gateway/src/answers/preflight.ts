import { type RefusalSink, refuse } from '../refuse.ts'
import { findLeaf } from '../route-trie.ts'
import { findMethod, type RouteTable } from '../routes.ts'
import type { Visit } from '../visit.ts'
import { corsHeaders } from './cors-policy.ts'

/**
 * Answers a browser that asks, before a script's request, whether it may be sent: by the origin alone, without any rule, and
 * nobody behind the gateway hears of it. `false` for everything else, and where the service has no CORS policy: then it is a
 * request like any other. Spec: Fetch, CORS protocol. Codes: forbidden.
 */
export function answerPreflight(sink: RefusalSink & { readonly table: RouteTable }, visit: Visit): boolean {
  const { request, checked, response } = visit
  const { origin, 'access-control-request-method': method } = request.headers
  if (!checked.ok || checked.bodyLength !== 0 || origin === undefined || method === undefined) return false
  const trie = sink.table.hosts.get(checked.host)
  const leaf = trie && findLeaf(trie, checked.path)
  const route = leaf && findMethod(leaf, method)
  const cors = route?.answers?.cors
  if (cors === undefined) return false
  visit.route = route
  if (!cors.any && !cors.byOrigin.has(origin)) {
    const needed = `one of the origins ${[...cors.byOrigin.keys()].join(' ')}`
    const reason = `a page of ${origin.slice(0, 200)} may not call the service`
    refuse(sink, visit, { code: 'forbidden', rule: 'cors.origins', reason, needed })
    return true
  }
  const methods = cors.methods ?? leaf?.allow ?? ''
  const headers = [...corsHeaders(cors, origin), 'access-control-allow-methods', methods, ...cors.preflight]
  response.writeHead(204, headers)
  response.end()
  sink.onAnswer?.(route?.name ?? '', 204, (sink.clock.milliseconds() - visit.startedAt) / 1000)
  return true
}
