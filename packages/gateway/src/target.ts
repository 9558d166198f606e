import { normalizePath } from './normalize-path.ts'

/** What a request asks for on its host. */
export interface Target {
  readonly ok: true
  /** Canonical. */
  readonly path: string
  /** Without the question mark; empty where there is none. */
  readonly query: string
  /** Whether the path was written canonically. The digits of an escape may be in either case: nobody reads them differently. */
  readonly isCanonical: boolean
}

/** Why a target was refused. */
export interface TargetFault {
  readonly ok: false
  readonly code: 'invalid_request' | 'uri_too_long'
  /** A sentence for the log. */
  readonly reason: string
}

const maxTargetLength = 8192

/**
 * Reads a target in origin-form. Spec: RFC 9112 section 3.2.1. Cost: one scan; most paths are left as they came.
 * Stops: a target that two servers read differently.
 */
export function parseTarget(target: string): Target | TargetFault {
  if (target.length > maxTargetLength) {
    return { ok: false, code: 'uri_too_long', reason: `a target of more than ${maxTargetLength} bytes` }
  }
  const mark = target.indexOf('?')
  const raw = mark === -1 ? target : target.slice(0, mark)
  const path = normalizePath(raw)
  if (typeof path !== 'string') return { ok: false, code: 'invalid_request', reason: path.fault }
  const query = mark === -1 ? '' : target.slice(mark + 1)
  if (query !== '' && /[^\x21-\x7e]|#/.test(query)) {
    return { ok: false, code: 'invalid_request', reason: 'the query has a fragment or a byte that none may have' }
  }
  return { ok: true, path, query, isCanonical: path === raw || path === raw.replace(escapes, upperCase) }
}

const escapes = /%[0-9a-f]{2}/gi
const upperCase = (found: string): string => found.toUpperCase()
