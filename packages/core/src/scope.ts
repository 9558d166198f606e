/** A set of scope tokens, in the order in which they were first named. */
export type ScopeSet = ReadonlySet<string>

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Splits a scope parameter. Spec: RFC 6749 section 3.3.
 * `undefined` for a value that is no list of scope tokens: at most 4096 characters and 100 tokens of printable ASCII
 * other than the quotation mark and the backslash, one space between two. The empty string is the empty set.
 */
export function parseScope(value: string): ScopeSet | undefined {
  if (value === '') return new Set()
  if (value.length > 4096) return undefined
  const tokens = value.split(' ')
  if (tokens.length > 100 || !tokens.every((token) => scopeToken.test(token))) return undefined
  return new Set(tokens)
}

/** The scope parameter for a set: its tokens with one space between two. */
export const formatScope = (scope: Iterable<string>): string => [...scope].join(' ')

/** What is in both, in the order of the first. */
export function intersectScopes(asked: ScopeSet, allowed: ScopeSet): ScopeSet {
  const both = new Set<string>()
  for (const token of asked) if (allowed.has(token)) both.add(token)
  return both
}

/** The tokens of `required` that `granted` lacks. */
export const missingScopes = (required: Iterable<string>, granted: ScopeSet): string[] =>
  [...required].filter((token) => !granted.has(token))
