import { decodeSegment, normalizePath } from './normalize-path.ts'

/** One segment of a pattern: a literal in decoded form, one whole segment, or all that follows. */
export type PatternSegment =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'parameter' }
  | { readonly kind: 'rest' }

/** A `{name}` of a pattern. */
export interface PatternParameter {
  readonly name: string
  /** Which segment of a path it is, from 0. */
  readonly index: number
}

/** A route's path, read. */
export interface PathPattern {
  readonly segments: readonly PatternSegment[]
  readonly parameters: readonly PatternParameter[]
  /** The canonical literal beginning, such as `/orders` of `/orders/{id}`; ends in a slash where the pattern goes on. */
  readonly prefix: string
  /** The literal beginning without that slash. */
  readonly stem: string
}

/**
 * Reads a pattern: `/a/b` literally, `{name}` for one segment, `**` at the end for anything below and the path itself.
 * `undefined` with a sentence in `fault` for anything else; the literal parts must be canonical paths or become such.
 */
export function parsePattern(pattern: string): PathPattern | { readonly fault: string } {
  if (!pattern.startsWith('/')) return { fault: 'the path must begin with a slash' }
  const parts = pattern.slice(1).split('/')
  const segments: PatternSegment[] = []
  const parameters: PatternParameter[] = []
  const beginning: string[] = []
  for (const [index, part] of parts.entries()) {
    if (part === '**') {
      if (index !== parts.length - 1) return { fault: '** may only stand at the end' }
      segments.push({ kind: 'rest' })
    } else if (/^\{[A-Za-z][A-Za-z0-9_]*\}$/.test(part)) {
      const name = part.slice(1, -1)
      if (parameters.some((other) => other.name === name)) return { fault: `{${name}} stands twice` }
      parameters.push({ name, index })
      segments.push({ kind: 'parameter' })
    } else if (/[*{}?#]/.test(part)) {
      return { fault: `"${part}" is neither a literal nor {name} nor **` }
    } else {
      const path = normalizePath(`/${part.replace(/[^\x21-\x7e]/gu, encodeURIComponent)}`)
      if (typeof path !== 'string') return { fault: `no request can match "${part}": ${path.fault}` }
      if (part === '' && index !== parts.length - 1) return { fault: 'no request can match an empty segment' }
      if (segments.length === beginning.length) beginning.push(path.slice(1))
      segments.push({ kind: 'literal', value: decodeSegment(path.slice(1)) })
    }
  }
  const stem = `/${beginning.join('/')}`
  const goesOn = beginning.length < segments.length && beginning.length > 0
  return { segments, parameters, prefix: goesOn ? `${stem}/` : stem, stem }
}
