/** Why a path was refused: a sentence for the log. */
export interface PathFault {
  readonly fault: string
}

const plain = 0
const slash = 1
const dot = 2
const other = 3

/** What one ASCII character means to the fast scan; whatever is not plain, slash or dot is left to the slow one. */
const kinds = new Uint8Array(128).fill(other)
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@") {
  kinds[character.charCodeAt(0)] = plain
}
kinds[0x2f] = slash
kinds[0x2e] = dot

/**
 * The one parse of a request path (origin-form, without query): the result is both decided on and forwarded.
 * Percent-encoded unreserved characters are decoded, other escapes are upper-cased, printable characters that no path may
 * carry raw are escaped; case is kept and a trailing slash stays. Spec: RFC 3986 sections 2.3, 3.3 and 6.2.2.
 * Refused: what another server might read as another path (see the faults). Cost: one scan; most paths are returned as
 * they came. Stops: a path that the gateway and the service read differently.
 */
export function normalizePath(raw: string): string | PathFault {
  if (raw.charCodeAt(0) !== 0x2f) return { fault: 'the path does not begin with a slash' }
  let before = plain
  for (let index = 0; index < raw.length; index += 1) {
    const code = raw.charCodeAt(index)
    const kind = code < 128 ? (kinds[code] ?? other) : other
    // A dot matters only where a segment begins, a slash only after a slash; the slow scan knows what to say of both.
    if (kind === other || (kind !== plain && before === slash)) return normalizeSlowly(raw)
    before = kind
  }
  return raw
}

const forbiddenRaw: readonly (readonly [RegExp, string])[] = [
  [/[^\x21-\x7e]/, 'a control character, a space or a byte outside ASCII'],
  [/\\/, 'a backslash'],
  [/;/, 'a semicolon'],
  [/#/, 'a fragment'],
  [/%(?![0-9a-fA-F]{2})/, 'a malformed percent escape'],
]

const unreserved = /[A-Za-z0-9\-._~]/
const escapeOrUnsafe = /%[0-9a-fA-F]{2}|["<>^`{|}[\]]/g

function normalizeSlowly(raw: string): string | PathFault {
  for (const [pattern, what] of forbiddenRaw) if (pattern.test(raw)) return { fault: `the path has ${what}` }
  let hidden: string | undefined
  const path = raw.replace(escapeOrUnsafe, (found) => {
    if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase()}`
    const code = Number.parseInt(found.slice(1), 16)
    const character = String.fromCharCode(code)
    if (code < 0x20 || code === 0x7f || character === '/' || character === '\\' || character === ';') hidden = found
    return code < 128 && unreserved.test(character) ? character : found.toUpperCase()
  })
  if (hidden !== undefined) return { fault: `the path has the escape ${hidden}` }
  // On the result, since the two digits may have been escapes themselves.
  if (/%25[0-9a-fA-F]{2}/.test(path)) return { fault: 'the path is encoded twice' }
  if (path.includes('//')) return { fault: 'the path has an empty segment' }
  if (/\/\.{1,2}(?:\/|$)/.test(path)) return { fault: 'the path has a dot segment' }
  if (/%[89A-F]/.test(path) && !isUtf8(path)) return { fault: 'the path has escapes that are no UTF-8' }
  return path
}

function isUtf8(path: string): boolean {
  try {
    // The value is used: a bundler may leave out a call that seems to do nothing, and the throw with it.
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}

/** A canonical segment without its percent escapes, which are known to be valid UTF-8. */
export const decodeSegment = (segment: string): string =>
  segment.includes('%') ? decodeURIComponent(segment) : segment
