import { normalizePath } from '../normalize-path.ts'

/** How a path is changed on its way to the service, as the configuration names it. */
export interface PathDefinition {
  /** The beginning that is taken off, such as `/orders`. */
  readonly stripPrefix?: string | undefined
  /** The beginning that is put on instead, such as `/v2`. */
  readonly addPrefix?: string | undefined
}

/** The same, ready: canonical, without a slash at the end; empty = nothing. */
export interface PathRewrite {
  readonly strip: string
  readonly add: string
}

/**
 * Why a definition cannot be meant, as a sentence; `undefined` where it can. `stem` is the literal beginning of the route's
 * pattern, which must lie within what is taken off.
 */
export function checkPathRewrite({ stripPrefix, addPrefix }: PathDefinition, stem: string): string | undefined {
  for (const [name, prefix] of Object.entries({ strip_prefix: stripPrefix, add_prefix: addPrefix })) {
    if (prefix === undefined) continue
    const path = normalizePath(prefix)
    if (typeof path !== 'string') return `${name}: ${path.fault}`
    if (path !== prefix) return `${name}: write it as it is decided on: ${path}`
    if (path.endsWith('/') || /[{}*?]/.test(path))
      return `${name}: a beginning such as /orders, without a slash at its end`
  }
  if (stripPrefix === undefined || stem === stripPrefix || stem.startsWith(`${stripPrefix}/`)) return undefined
  return `strip_prefix: not every path of the route begins with ${stripPrefix}`
}

/** Makes a definition ready; `undefined` where paths stay as they are. */
export const buildPathRewrite = ({ stripPrefix = '', addPrefix = '' }: PathDefinition): PathRewrite | undefined =>
  stripPrefix === '' && addPrefix === '' ? undefined : { strip: stripPrefix, add: addPrefix }

/**
 * The path that the service is asked for, of a canonical one. `undefined` where that does not begin, byte for byte, with what
 * is to be taken off. What comes out lies below `add`: a canonical path has no dot segment that could lead out of it, and
 * none that is empty, so that it never begins with two slashes. Stops: a rewrite by which a service is asked for what lies
 * beside its prefix.
 */
export function rewritePath(path: string, { strip, add }: PathRewrite): string | undefined {
  if (path === strip) return add === '' ? '/' : add
  if (strip !== '' && !path.startsWith(`${strip}/`)) return undefined
  return add + path.slice(strip.length)
}
