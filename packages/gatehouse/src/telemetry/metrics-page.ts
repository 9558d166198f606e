import type { IncomingMessage, ServerResponse } from 'node:http'
import { buildAddressMatcher, type ClientAddresses } from '@gatehouse/auth/http/client-address'
import type { Telemetry } from './telemetry.ts'

/** Answers /metrics, for those who may read it. */
export interface MetricsPage {
  /** `own`: whether it has a listener of its own, where nobody else's proxy comes. */
  answer(request: IncomingMessage, response: ServerResponse, own?: boolean): void
}

/**
 * This machine and the allowed addresses may read; for everybody else there is nothing here.
 * Threat: a proxy on this machine that trusted_proxies does not name, behind which everybody would seem to be here.
 */
export function createMetricsPage(
  telemetry: Telemetry,
  { addresses, allow }: { readonly addresses: ClientAddresses; readonly allow: readonly string[] },
): MetricsPage {
  const mayRead = buildAddressMatcher(['127.0.0.0/8', '::1', ...allow])
  return {
    answer(request, response, own = false) {
      // A trusted proxy that names no client stands for anybody, whatever host it asks for.
      const address = own ? addresses.find(request) : (addresses.findStated(request) ?? '')
      if (!mayRead(address) || addresses.isForwardedByStranger(request)) {
        const text = '{"error":"not_found","error_description":"Nothing is here"}'
        response.writeHead(404, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
        return
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end()
        return
      }
      const text = telemetry.render()
      response.writeHead(200, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      })
      response.end(request.method === 'HEAD' ? undefined : text)
    },
  }
}
