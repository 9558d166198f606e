import { decodeSegment } from './normalize-path.ts'
import type { Route } from './route.ts'
import type { RouteLeaf, TrieNode } from './route-trie.ts'

/**
 * The pattern that a path misses by the case of letters or by a slash at its end alone, where that pattern asks for something
 * and another, wider one would decide in its place. Many services take the two for the same (Express does unless told
 * otherwise): what the wider rule lets through would reach what the narrower one guards. Cost: nothing worth naming for a path
 * of lower-case letters without a slash at its end.
 * Stops: `/ADMIN/users` and `/admin/users/` as ways around a rule for `/admin/users`.
 */
export function findLookalike(trie: TrieNode, path: string, found: RouteLeaf): RouteLeaf | undefined {
  const endsInSlash = path.length > 1 && path.charCodeAt(path.length - 1) === 0x2f
  if (!endsInSlash && !/[A-Z]|%/.test(path) && !hasCapitals(trie)) return undefined
  // Written just like that, it is meant just like that.
  if (!/[{*]/.test(found.pattern)) return undefined
  const bare = endsInSlash ? path.slice(0, -1) : path
  const other = descend(trie, bare.slice(1).split('/').map(decodeSegment), 0)
  return other === undefined || other === found || isOpen(other) ? undefined : other
}

/** As `findLeaf`, but a literal that differs in case alone matches where none matches as it is. */
function descend(node: TrieNode, segments: readonly string[], index: number): RouteLeaf | undefined {
  const segment = segments[index]
  if (segment === undefined) return node.leaf ?? node.rest
  const literal = node.literals.get(segment) ?? findFolded(node, segment)
  const found = literal && descend(literal, segments, index + 1)
  if (found !== undefined) return found
  if (node.parameter !== undefined && segment !== '') {
    const named = descend(node.parameter, segments, index + 1)
    if (named !== undefined) return named
  }
  return node.rest
}

/** The literals of a node by their lower case: made at the first path that needs them. */
const folded = new WeakMap<TrieNode, ReadonlyMap<string, TrieNode>>()

function findFolded(node: TrieNode, segment: string): TrieNode | undefined {
  let literals = folded.get(node)
  if (literals === undefined) {
    literals = new Map([...node.literals].map(([literal, child]) => [literal.toLowerCase(), child]))
    folded.set(node, literals)
  }
  return literals.get(segment.toLowerCase())
}

/** Whether a host has a literal that is not in lower case: found out once. */
const capitals = new WeakMap<TrieNode, boolean>()

function hasCapitals(node: TrieNode): boolean {
  let has = capitals.get(node)
  if (has === undefined) {
    const below = [...node.literals.values(), ...(node.parameter ? [node.parameter] : [])]
    has = [...node.literals.keys()].some((literal) => literal !== literal.toLowerCase()) || below.some(hasCapitals)
    capitals.set(node, has)
  }
  return has
}

/** Whether everybody may have what stands behind a pattern. */
function isOpen({ methods, any }: RouteLeaf): boolean {
  const routes = any === undefined ? [...methods.values()] : [any]
  return routes.every(asksNothing)
}

const asksNothing = ({ requirement }: Route): boolean =>
  requirement.credentials === 'ignored' &&
  requirement.addresses === undefined &&
  requirement.when.length === 0 &&
  requirement.remote === undefined
