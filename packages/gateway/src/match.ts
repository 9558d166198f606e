import type { Denial } from './denial.ts'
import { findLookalike } from './lookalike.ts'
import type { Route } from './route.ts'
import { findLeaf, type RouteLeaf } from './route-trie.ts'
import { findMethod, type RouteTable } from './routes.ts'

/**
 * Finds the route of a request by its host (lower case, without a default port), its canonical path and its method.
 * Codes: misdirected_request, not_found, method_not_allowed.
 */
export function findRoute(
  table: RouteTable,
  { host, path, method }: { readonly host: string; readonly path: string; readonly method: string },
): Route | Denial {
  const trie = table.hosts.get(host)
  if (trie === undefined) {
    const reason = `no route names the host ${host}`
    return { code: 'misdirected_request', reason, needed: 'a host that the issuer or a route names', close: true }
  }
  const leaf = findLeaf(trie, path)
  if (leaf === undefined) return { code: 'not_found', reason: 'no route matches the path', needed: 'a route for it' }
  const lookalike = findLookalike(trie, path, leaf)
  if (lookalike !== undefined) return denyLookalike(lookalike)
  return findMethod(leaf, method) ?? denyMethod(leaf, method)
}

const denyLookalike = ({ pattern }: RouteLeaf): Denial => ({
  code: 'not_found',
  reason: `the path differs from ${pattern} by case or by a slash at its end alone, and a service may take them for the same`,
  needed: 'the path in the letters of the route, or a route for this spelling',
})

const denyMethod = ({ pattern, allow }: RouteLeaf, method: string): Denial => ({
  code: 'method_not_allowed',
  reason: `${pattern} decides and does not list ${method}`,
  needed: `one of ${allow}`,
  headers: ['allow', allow],
})
