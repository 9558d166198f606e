import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'
import type { Mount } from '@gatehouse/auth/http/mount'
import type { ResourceMetadata } from '@gatehouse/auth/protocol/protected-resource'
import { isReserved, paths, reservedOnOtherHosts } from '@gatehouse/core/paths'
import { type CheckedRequest, checkRequest, type RefusedRequest } from '@gatehouse/gateway/check-request'
import { createClientErrorHandler } from '@gatehouse/gateway/client-error'
import type { Gateway } from '@gatehouse/gateway/gateway'
import type { createHttp2Connections, StreamListener } from '@gatehouse/gateway/http2/connections'
import type { RefusalEntry } from '@gatehouse/gateway/refuse'
import { serverOptions } from '@gatehouse/gateway/server-options'
import { closeUnread } from '@gatehouse/gateway/unread-body'
import { createUpgradedResponse } from '@gatehouse/gateway/websocket/upgraded-response'
import type { Health } from './health.ts'
import type { MetricsPage } from './telemetry/metrics-page.ts'
import { TwoProtocolServer } from './tls/tls-server.ts'

interface Dependencies {
  readonly mount: Mount
  readonly gateway: Gateway
  readonly resourceMetadata: ResourceMetadata
  /** The issuer's host by its own name, where several count as it. */
  readonly issuerHost: string
  readonly health: Health
  /** Absent where a listener of its own has it. */
  readonly metricsPage: MetricsPage | undefined
  /** Whether Gatehouse answers for a host as its issuer's. */
  readonly isIssuerHost: (host: string) => boolean
  readonly logRefusal: (entry: RefusalEntry) => void
}

/**
 * Answers a request. `sent` is what came after the headers of one that wishes for another protocol, on a connection that Node
 * has let go of; absent for every other. `checked` is what was found out of one that no connection of HTTP/1.1 has brought.
 */
export type FrontListener = (
  request: IncomingMessage,
  response: ServerResponse,
  sent?: Uint8Array,
  checked?: CheckedRequest | RefusedRequest,
) => void

/**
 * The one front door: decides once which host and path a request asks for, gives Gatehouse's own paths to their endpoints
 * and everything else to the gateway. Cost: one pass over the headers, two look-ups.
 */
export function createFrontDoor(dependencies: Dependencies): FrontListener {
  const { mount, gateway, health, metricsPage, isIssuerHost, resourceMetadata, issuerHost } = dependencies
  return (request, response, sent, checked = checkRequest(request)) => {
    if (!checked.ok) return gateway.handle(request, response, checked)
    // Whoever wishes for another protocol has to wait for the answer, wherever that comes from.
    if (sent !== undefined && (sent.length > 0 || checked.bodyLength !== 0)) {
      return gateway.upgrade(request, response, checked, sent)
    }
    const { path } = checked
    if (path === paths.live || path === paths.ready) return health.answer(request, response, path)
    if (path === paths.gatewayCheck) return gateway.check(request, response, checked)
    const isIssuers = isIssuerHost(checked.host)
    if (path.startsWith(paths.protectedResource)) {
      const place = { host: isIssuers ? issuerHost : checked.host, path, query: checked.query }
      if (resourceMetadata.answer(request, response, place)) return
    }
    if (isIssuers) {
      if (mount.has(path)) return mount.handle(request, response, path, checked.query)
      if (path === paths.metrics && metricsPage) return metricsPage.answer(request, response)
      // Reserved for what is not here (yet): never a route's, however wide its pattern.
      if (isReserved(path)) return mount.handle(request, response, path, checked.query)
    } else if (path === paths.metrics && metricsPage && isLoopbackHost(checked.host)) {
      // Whoever measures asks at an address, and knows no host.
      return metricsPage.answer(request, response)
    } else if (isReserved(path, reservedOnOtherHosts)) {
      return mount.handle(request, response, path, checked.query)
    }
    if (sent === undefined) gateway.handle(request, response, checked)
    else gateway.upgrade(request, response, checked, sent)
  }
}

const isLoopbackHost = (host: string): boolean => /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host)

/** A server of HTTP, with TLS or without. */
export type FrontServer = Server | TlsServer

/** Whether a server speaks TLS. */
export const isTlsServer = (server: FrontServer): server is TlsServer => 'setSecureContext' in server

/**
 * A server with the limits of the gateway that answers what cannot be parsed; over TLS where there are options for it, and then
 * over HTTP/2 too where `openHttp2` is there. A request to change protocols may become a WebSocket; any other is served as a
 * plain one, and its connection ends then.
 */
export function createFrontServer(
  listener: FrontListener,
  logRefusal: (entry: RefusalEntry) => void,
  tls?: TlsOptions,
  openHttp2?: typeof createHttp2Connections,
): FrontServer {
  const serve = (answer: RequestListener): RequestListener => limitPipelining(closeUnread(answer))
  const limited = serve(listener)
  const onStream: StreamListener = (request, response, checked) => listener(request, response, undefined, checked)
  const http2 = tls && openHttp2?.({ listener: onStream, logRefusal })
  const options = { ...serverOptions, ...tls }
  const server = http2
    ? new TwoProtocolServer(options, limited, http2)
    : tls
      ? createTlsServer(options, limited)
      : createServer(options, limited)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, sent: Buffer) => {
    const response = createUpgradedResponse(request, socket)
    if (response) listener(request, response, sent)
  })
  // Node would say so by itself, and take what comes next on the connection for a body that has not been sent, or for a request.
  server.on('checkExpectation', serve(refuseExpectation))
  server.on('clientError', createClientErrorHandler(logRefusal))
  return server
}

/** What is expected that is not `100-continue`, the only expectation that there is. Spec: RFC 9110 section 10.1.1. */
const refuseExpectation: RequestListener = (_request, response) => {
  response.writeHead(417, { 'content-length': 0 }).end()
}

/** Requests that may wait on one connection for the answers before theirs. */
const pipelineLimit = 32

/**
 * Cuts connections that have too many requests under way at once. Node takes up pipelined requests before the earlier ones
 * are answered, so that one connection could otherwise use up a service's connections for everybody.
 */
function limitPipelining(listener: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>()
  return (request, response) => {
    // An answer without a connection of its own waits for the one before it.
    if (response.socket === null) {
      const { socket } = request
      const count = (waiting.get(socket) ?? 0) + 1
      if (count > pipelineLimit) {
        socket.destroy()
        return
      }
      waiting.set(socket, count)
      response.once('finish', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1))
    }
    listener(request, response)
  }
}
