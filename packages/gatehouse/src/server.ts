import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Mount } from '@gatehouse/auth/http/mount'
import { isReserved, paths, reservedOnOtherHosts } from '@gatehouse/core/paths'
import { checkRequest } from '@gatehouse/gateway/check-request'
import { onClientError } from '@gatehouse/gateway/client-error'
import type { Gateway } from '@gatehouse/gateway/gateway'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import { serverOptions } from '@gatehouse/gateway/server-options'
import type { Health } from './health.ts'
import type { MetricsPage } from './telemetry/metrics-page.ts'

interface Dependencies {
  readonly mount: Mount
  readonly gateway: Gateway
  readonly health: Health
  /** Absent where a listener of its own has it. */
  readonly metricsPage: MetricsPage | undefined
  /** Whether Gatehouse answers for a host as its issuer's. */
  readonly isIssuerHost: (host: string) => boolean
  readonly logRefusal: (entry: RefusalEntry) => void
}

/**
 * The one front door: decides once which host and path a request asks for, gives Gatehouse's own paths to their endpoints
 * and everything else to the gateway. Cost: one pass over the headers, two look-ups.
 */
export function createFrontDoor(dependencies: Dependencies): RequestListener {
  const { mount, gateway, health, metricsPage, isIssuerHost } = dependencies
  return (request: IncomingMessage, response: ServerResponse) => {
    const checked = checkRequest(request)
    if (!checked.ok) return gateway.handle(request, response, checked)
    const { path } = checked
    if (path === paths.live || path === paths.ready) return health.answer(request, response, path)
    if (isIssuerHost(checked.host)) {
      if (mount.has(path)) return mount.handle(request, response, path, checked.query)
      if (path === paths.metrics && metricsPage) return metricsPage.answer(request, response)
      // Reserved for what is not here (yet): never a route's, however wide its pattern.
      if (isReserved(path)) return mount.handle(request, response, path, checked.query)
    } else if (isReserved(path, reservedOnOtherHosts)) {
      return mount.handle(request, response, path, checked.query)
    }
    gateway.handle(request, response, checked)
  }
}

/** A server with the limits of the gateway that answers what cannot be parsed, and refuses to change protocols. */
export function createFrontServer(listener: RequestListener, logRefusal: (entry: RefusalEntry) => void): Server {
  const server = createServer(serverOptions, listener)
  server.on('clientError', (error, socket) => onClientError(error, socket, logRefusal))
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    socket.end('HTTP/1.1 501 Not Implemented\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy())
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  return server
}
