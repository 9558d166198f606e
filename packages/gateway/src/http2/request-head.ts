import type { IncomingHttpHeaders } from 'node:http'
import { parseAuthority } from '../authority.ts'
import type { RefusedRequest } from '../check-request.ts'
import { sessionOptions } from './limits.ts'

/** The head of a stream as an HTTP/1.1 request would have it. */
export interface RequestHead {
  readonly method: string
  /** In origin-form, or `*`. */
  readonly target: string
  /** Name, value, name, value. */
  readonly rawHeaders: string[]
  /** By their names. */
  readonly headers: IncomingHttpHeaders
  /** What is wrong with it, beyond what is found by looking at it as HTTP/1.1; absent = nothing. */
  readonly fault: RefusedRequest | undefined
}

/**
 * Reads the header list of a stream, pseudo-header fields included, as nghttp2 hands it on: one of each, in front, names in
 * lower case, no header of a connection, a `content-length` that the DATA will have to match. `:authority` becomes Host, the
 * crumbs of a cookie one header, and a body of which no length is told is chunked. `headers` are the same fields as node:http2
 * collects them, and become those of the request; `ends`: whether there is no body.
 * Spec: RFC 9113 sections 8.2.3, 8.3 and 8.3.1. Codes: invalid_request, headers_too_large,
 * method_not_allowed (CONNECT, which is not served).
 * Stops: a Host that the service would believe in place of the one that was decided on; targets that are no paths.
 */
export function readRequestHead(headers: IncomingHttpHeaders, fields: readonly string[], ends: boolean): RequestHead {
  const rawHeaders: string[] = []
  let [method, target, scheme] = ['', '', '']
  let authority: string | undefined
  let host: string | undefined
  let cookie: string | undefined
  let hasLength = false
  let size = 0
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? ''
    const value = fields[index + 1] ?? ''
    size += name.length + value.length
    if (name === ':method') method = value
    else if (name === ':path') target = value
    else if (name === ':scheme') scheme = value
    else if (name === ':authority') authority = value
    else if (name === 'host') host = value
    else if (name === 'cookie') cookie = cookie === undefined ? value : `${cookie}; ${value}`
    else {
      if (name === 'content-length') hasLength = true
      rawHeaders.push(name, value)
    }
  }
  for (const name of pseudo) delete headers[name]
  const place = authority ?? host
  if (place !== undefined) {
    rawHeaders.push('host', place)
    headers.host = place
  }
  if (cookie !== undefined) rawHeaders.push('cookie', cookie)
  if (!ends && !hasLength) {
    rawHeaders.push('transfer-encoding', 'chunked')
    headers['transfer-encoding'] = 'chunked'
  }
  return { method, target, rawHeaders, headers, fault: findFault({ size, method, target, scheme, authority, host }) }
}

const pseudo = [':method', ':path', ':scheme', ':authority']

interface Found {
  /** Of all names and values, in bytes. */
  readonly size: number
  readonly method: string
  readonly target: string
  readonly scheme: string
  readonly authority: string | undefined
  readonly host: string | undefined
}

function findFault({ size, method, target, scheme, authority, host }: Found): RefusedRequest | undefined {
  // What is told in SETTINGS binds a client once it has acknowledged it, which it need never do.
  if (size > sessionOptions.settings.maxHeaderListSize) {
    return { ok: false, status: 431, code: 'headers_too_large', reason: `a header list of ${size} bytes` }
  }
  if (method === 'CONNECT') {
    return { ok: false, status: 405, code: 'method_not_allowed', reason: 'CONNECT: nothing is tunnelled here' }
  }
  // With any other scheme nghttp2 lets a path be anything.
  if (scheme !== 'https' && scheme !== 'http') return malformed('a :scheme other than https and http')
  if (target.charCodeAt(0) !== 0x2f && target !== '*') return malformed('the :path is no path')
  if (authority !== undefined && host !== undefined && parseAuthority(authority) !== parseAuthority(host)) {
    return malformed('the Host header is not the :authority')
  }
  return undefined
}

const malformed = (reason: string): RefusedRequest => ({ ok: false, status: 400, code: 'invalid_request', reason })
