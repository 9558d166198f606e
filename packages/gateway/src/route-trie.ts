import { decodeSegment } from './normalize-path.ts'
import type { Route } from './route.ts'

/** The routes of one pattern, by method. */
export interface RouteLeaf {
  /** As written first. */
  readonly pattern: string
  /** By upper-case method; HEAD stands here too where GET does. */
  readonly methods: Map<string, Route>
  /** The route for every method that is not listed, but OPTIONS, TRACE and CONNECT. */
  any: Route | undefined
  /** The Allow header's value. */
  allow: string
}

/** One position in the paths of a host. */
export interface TrieNode {
  readonly literals: Map<string, TrieNode>
  parameter: TrieNode | undefined
  /** Where a pattern ends here. */
  leaf: RouteLeaf | undefined
  /** Where a pattern goes on with `**`. */
  rest: RouteLeaf | undefined
}

/** An empty trie. */
export const newTrie = (): TrieNode => ({ literals: new Map(), parameter: undefined, leaf: undefined, rest: undefined })

/**
 * Finds the most specific pattern for a canonical path: literal before `{name}` before `**`, from left to right. A branch
 * that leads nowhere is left again, so every pattern that matches can be found. Literals are compared decoded, so that
 * `/a%3Ab` and `/a:b` fall under one rule, as a service would read them.
 * Cost: at most one visit per node of the trie, in practice one per segment.
 */
export const findLeaf = (trie: TrieNode, path: string): RouteLeaf | undefined => descend(trie, path, 1)

function descend(node: TrieNode, path: string, from: number): RouteLeaf | undefined {
  if (from > path.length) return node.leaf ?? node.rest
  const slash = path.indexOf('/', from)
  const end = slash === -1 ? path.length : slash
  const literal = node.literals.get(decodeSegment(path.slice(from, end)))
  const found = literal === undefined ? undefined : descend(literal, path, end + 1)
  if (found !== undefined) return found
  if (node.parameter !== undefined && end > from) {
    const named = descend(node.parameter, path, end + 1)
    if (named !== undefined) return named
  }
  return node.rest
}
