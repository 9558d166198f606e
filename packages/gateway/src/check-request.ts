import type { IncomingMessage } from 'node:http'
import { type ErrorCode, errorCatalogue } from '@gatehouse/core/errors'
import { parseAuthority } from './authority.ts'
import { headerKind, readHeaderName } from './rewrite/header-names.ts'
import { parseTarget } from './target.ts'

/** A request whose framing, host and target are beyond doubt. All that later stages ask of it is decided here, once. */
export interface CheckedRequest {
  readonly ok: true
  /** Canonical: decided on and forwarded. */
  readonly path: string
  /** Without the question mark; empty where there is none. */
  readonly query: string
  /** Lower case, without a default port. */
  readonly host: string
  /** The body's length in bytes; 0 = no body, -1 = chunked. */
  readonly bodyLength: number
  /** The Authorization header; absent where there is none or more than one. */
  readonly authorization: string | undefined
  readonly authorizationCount: number
}

/** A request that must be refused before anything is routed. The connection is closed after the answer. */
export interface RefusedRequest {
  readonly ok: false
  readonly status: number
  readonly code: ErrorCode
  /** A sentence for the log. */
  readonly reason: string
}

/** Connections on which a request was refused here. What follows on them may be the smuggled half of that request. */
const distrusted = new WeakSet<IncomingMessage['socket']>()

const maxHeaders = 100

const fault = (code: ErrorCode, reason: string): RefusedRequest => ({
  ok: false,
  status: errorCatalogue[code].status,
  code,
  reason,
})
const malformed = (reason: string): RefusedRequest => fault('invalid_request', reason)

/**
 * Decides, once per request of HTTP/1 and before any routing, which host and path it asks for, and refuses what two servers could
 * read as two different requests. Spec: RFC 9112 sections 3.2, 6.1 and 6.3, RFC 9110 section 7.2.
 * Codes: invalid_request, uri_too_long, headers_too_large, not_found (for `OPTIONS *`). Cost: one pass over the headers,
 * one over the target. Stops: request smuggling, host confusion and path confusion that
 * Node's parser lets through.
 */
export function checkRequest(request: IncomingMessage): CheckedRequest | RefusedRequest {
  if (distrusted.has(request.socket)) return malformed('it follows a refused request on its connection')
  const outcome = isHttp1(request)
    ? checkMessage(request)
    : malformed(`HTTP/${request.httpVersion} on a connection of HTTP/1`)
  if (!outcome.ok) distrusted.add(request.socket)
  return outcome
}

/** Node's parser also takes 0.9 and 2.0 at their word, by which requests would be taken for what they are not. */
const isHttp1 = ({ httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean =>
  httpVersionMajor === 1 && httpVersionMinor <= 1

/** As {@link checkRequest}, for a request that stands for itself: whatever it is, nothing of it is left on its connection. */
export function checkMessage(request: IncomingMessage): CheckedRequest | RefusedRequest {
  const raw = request.rawHeaders
  if (raw.length > maxHeaders * 2) return fault('headers_too_large', `more than ${maxHeaders} headers`)
  let hostValue: string | undefined
  let lengthValue: string | undefined
  let coding: string | undefined
  let authorization: string | undefined
  let authorizationCount = 0
  for (let index = 0; index < raw.length; index += 2) {
    const kind = readHeaderName(raw[index] ?? '').kind
    if (kind < headerKind.host) continue
    const value = raw[index + 1] ?? ''
    if (kind === headerKind.host) {
      if (hostValue !== undefined) return malformed('more than one Host header')
      hostValue = value
    } else if (kind === headerKind.contentLength) {
      if (lengthValue !== undefined) return malformed('more than one Content-Length header')
      lengthValue = value
    } else if (kind === headerKind.transferEncoding) {
      if (coding !== undefined) return malformed('more than one Transfer-Encoding header')
      coding = value
    } else if (kind === headerKind.authorization) {
      authorizationCount += 1
      authorization = authorizationCount === 1 ? value : undefined
    }
  }
  const bodyLength = readBodyLength(request, lengthValue, coding)
  if (typeof bodyLength !== 'number') return bodyLength
  const host = hostValue === undefined ? undefined : parseAuthority(hostValue)
  if (host === undefined) return malformed(hostValue === undefined ? 'no Host header' : 'the Host header is malformed')
  const origin = readOriginForm(request, host)
  if (typeof origin !== 'string') return origin
  const target = parseTarget(origin)
  if (!target.ok) return fault(target.code, target.reason)
  const { path, query } = target
  return { ok: true, path, query, host, bodyLength, authorization, authorizationCount }
}

function readBodyLength(
  request: IncomingMessage,
  length: string | undefined,
  coding: string | undefined,
): number | RefusedRequest {
  if (coding !== undefined) {
    if (length !== undefined) return malformed('both Content-Length and Transfer-Encoding')
    if (request.httpVersionMajor === 1 && request.httpVersionMinor === 0) {
      return malformed('Transfer-Encoding in an HTTP/1.0 request')
    }
    return coding.toLowerCase() === 'chunked' ? -1 : malformed('a Transfer-Encoding other than chunked')
  }
  if (length === undefined) return 0
  return /^[0-9]{1,15}$/.test(length) ? Number(length) : malformed('the Content-Length is malformed')
}

/** The target in origin-form: absolute-form is reduced to it where its authority is the Host. */
function readOriginForm(request: IncomingMessage, host: string): string | RefusedRequest {
  const target = request.url ?? ''
  if (target.charCodeAt(0) === 0x2f) return target
  if (target === '*') {
    return request.method === 'OPTIONS' ? fault('not_found', 'OPTIONS *') : malformed('the target * without OPTIONS')
  }
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target)
  if (absolute === null) return malformed('the target is neither origin-form nor absolute-form')
  if (parseAuthority(absolute[1] ?? '') !== host) return malformed('the authority of the target is not the Host')
  const rest = absolute[2] ?? ''
  return rest.startsWith('/') ? rest : `/${rest}`
}
