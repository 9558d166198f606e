import type { ServerResponse } from 'node:http'
import { buildTrailers, type ResponseRules } from '../rewrite/response-headers.ts'
import { StreamResponse } from './stream-response.ts'

/**
 * Passes a service's trailers on to a client of HTTP/2 that takes them; nobody else gets any. `trailers` as undici and our own
 * pools hand them over: bytes, name, value, name, value.
 */
export function passTrailers(trailers: readonly unknown[], response: ServerResponse, rules: ResponseRules): void {
  if (trailers.length === 0 || !(response instanceof StreamResponse)) return
  const raw = trailers.map((part) => Buffer.from(part as Buffer)) // its types say text
  response.setTrailers(buildTrailers(raw, rules))
}
