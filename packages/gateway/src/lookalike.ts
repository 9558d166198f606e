import { decodeSegment } from './normalize-path.ts'
import type { Route } from './route.ts'
import type { RouteLeaf, TrieNode } from './route-trie.ts'

/**
 * The pattern that a path misses by the case of letters or by a slash at its end alone, where that pattern asks for something
 * and another, wider one would decide in its place. Many services take the two for the same (Express does unless told
 * otherwise): what the wider rule lets through would reach what the narrower one guards. Cost: nothing worth naming for a path
 * of lower-case letters without a slash at its end, where no pattern has capitals or such a slash.
 * Stops: `/ADMIN/users` and `/admin/users/` as ways around a rule for `/admin/users`, and `/admin` around one for `/admin/`.
 */
export function findLookalike(trie: TrieNode, path: string, found: RouteLeaf): RouteLeaf | undefined {
  const endsInSlash = path.length > 1 && path.charCodeAt(path.length - 1) === 0x2f
  if (!endsInSlash && !/[A-Z]|%/.test(path) && !isUnusual(trie)) return undefined
  // Written just like that, it is meant just like that.
  if (!/[{*]/.test(found.pattern)) return undefined
  const segments = (endsInSlash ? path.slice(0, -1) : path).slice(1).split('/').map(decodeSegment)
  // Each for itself: a service may fold the letters and tell the slash apart.
  return [segments, [...segments, '']]
    .map((spelling) => descend(trie, spelling, 0))
    .find((other) => other !== undefined && narrower(found, other) !== found && !isOpen(other))
}

/** As `findLeaf`, but literals that differ in case alone match too, where they lead to a narrower pattern. */
function descend(node: TrieNode, segments: readonly string[], index: number): RouteLeaf | undefined {
  const segment = segments[index]
  if (segment === undefined) return node.leaf ?? node.rest
  const exact = node.literals.get(segment)
  let best = exact && descend(exact, segments, index + 1)
  for (const twin of findTwins(node, segment)) {
    if (twin !== exact) best = narrower(best, descend(twin, segments, index + 1))
  }
  if (best !== undefined) return best
  if (node.parameter !== undefined && segment !== '') {
    const named = descend(node.parameter, segments, index + 1)
    if (named !== undefined) return named
  }
  return node.rest
}

/** The one of two patterns that decides before the other on a path that both match; the first where neither does. */
function narrower(first: RouteLeaf | undefined, second: RouteLeaf | undefined): RouteLeaf | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return shapeOf(second) < shapeOf(first) ? second : first
}

/** One letter for each segment, in the order in which they are told apart: a literal, a name, the rest. */
const shapeOf = ({ pattern }: RouteLeaf): string =>
  pattern
    .slice(1)
    .split('/')
    .map((segment) => (segment === '**' ? 'c' : segment.startsWith('{') ? 'b' : 'a'))
    .join('')

/** The literals of a node by their lower case: made at the first path that needs them. */
const folded = new WeakMap<TrieNode, ReadonlyMap<string, readonly TrieNode[]>>()

function findTwins(node: TrieNode, segment: string): readonly TrieNode[] {
  let literals = folded.get(node)
  if (literals === undefined) {
    const lists = new Map<string, TrieNode[]>()
    for (const [literal, child] of node.literals) {
      const key = literal.toLowerCase()
      lists.set(key, [...(lists.get(key) ?? []), child])
    }
    folded.set(node, lists)
    literals = lists
  }
  return literals.get(segment.toLowerCase()) ?? []
}

/** Whether a host has a pattern with capitals, or with a slash at its end: found out once. */
const unusual = new WeakMap<TrieNode, boolean>()

function isUnusual(trie: TrieNode): boolean {
  let is = unusual.get(trie)
  if (is === undefined) {
    // An empty segment is the slash at the end, but for that of `/` itself.
    const isOdd = (node: TrieNode): boolean =>
      [...node.literals.keys()].some(
        (literal) => literal !== literal.toLowerCase() || (literal === '' && node !== trie),
      ) || [...node.literals.values(), ...(node.parameter ? [node.parameter] : [])].some(isOdd)
    is = isOdd(trie)
    unusual.set(trie, is)
  }
  return is
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
