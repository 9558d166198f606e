import type { IncomingMessage } from 'node:http'
import type { CheckedRequest } from '../check-request.ts'

/**
 * Whether a request opens a WebSocket: GET by HTTP/1.1, without a body, version 13, with a key. Any other wish for another
 * protocol is not granted, and its request is served as a plain one. Spec: RFC 6455 section 4.2.1.
 */
export function isWebSocketHandshake(
  { method, httpVersion, headers }: IncomingMessage,
  checked: CheckedRequest,
): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    checked.bodyLength === 0 &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[\w+/]{22}==$/.test(headers['sec-websocket-key'] ?? '')
  )
}
