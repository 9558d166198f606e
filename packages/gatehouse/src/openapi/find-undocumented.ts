import type { Route } from '@gatehouse/gateway/route'
import type { TrieNode } from '@gatehouse/gateway/route-trie'
import { findMethod } from '@gatehouse/gateway/routes'
import { type Comparison, type Drift, findDecider } from './find-drift.ts'

/** The methods that a route without `methods` lets through. HEAD goes with GET. */
const usual = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Finds the routes of the document's service that let anybody pass and that no operation of the document reaches. Of the others
 * a rule has been written by somebody, and what it asks for is more than nothing.
 */
export function findUndocumented(comparison: Comparison): readonly Drift[] {
  const { document, table, host, service } = comparison
  const reached = new Map<Route, Set<string>>()
  for (const { method, templates } of document.operations) {
    for (const template of templates) {
      const route = findDecider(comparison, method, template)
      if (route) reached.set(route, (reached.get(route) ?? new Set()).add(method === 'HEAD' ? 'GET' : method))
    }
  }
  const trie = table.hosts.get(host)
  return [...(trie ? leavesOf(trie) : [])].flatMap((leaf) =>
    [...new Set([...leaf.methods.keys(), ...(leaf.any ? usual : [])])].flatMap((method) => {
      const route = findMethod(leaf, method)
      if (!route || route.service.name !== service || !letsAnybodyPass(route)) return []
      if (method === 'HEAD' && leaf.methods.get('GET') === route) return []
      if (reached.get(route)?.has(method)) return []
      const message = `no operation of the document, and the route lets anybody pass (route ${route.name})`
      return [{ operation: `${method} ${leaf.pattern}`, message }]
    }),
  )
}

function* leavesOf(node: TrieNode): Iterable<NonNullable<TrieNode['leaf']>> {
  if (node.leaf) yield node.leaf
  for (const child of node.literals.values()) yield* leavesOf(child)
  if (node.parameter) yield* leavesOf(node.parameter)
  if (node.rest) yield node.rest
}

const letsAnybodyPass = ({ requirement }: Route): boolean =>
  requirement.credentials !== 'required' &&
  requirement.addresses === undefined &&
  requirement.when.length === 0 &&
  requirement.remote === undefined
