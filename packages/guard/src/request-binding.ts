import { hash } from 'node:crypto'

/** The request that an identity is good for. */
export interface BoundRequest {
  readonly method: string
  /** Path and query, as the service gets them. */
  readonly target: string
}

/** What an identity is bound to one request by: SHA-256 of its method, a space and its target, as base64url: 43 characters. */
export const digestRequest = ({ method, target }: BoundRequest): string =>
  hash('sha256', `${method} ${spellOut(target)}`, 'base64url')

/**
 * A target in the one spelling that is hashed. Frameworks that read it as a URL escape what may not stand in one, and proxies
 * may write escapes in small letters: neither makes another request of it.
 */
const spellOut = (target: string): string =>
  (ambiguous.test(target) ? target.replace(escapable, spellOne) : target).replace(/^([^?]*)\?$/, '$1')

const ambiguous = /%[0-9A-F]?[a-f]|["'<>^`{|}\\[\]]/
const escapable = /%[0-9a-fA-F]{2}|["'<>^`{|}\\[\]]/g

const spellOne = (found: string): string =>
  found.length === 1 ? `%${found.charCodeAt(0).toString(16).toUpperCase()}` : found.toUpperCase()
