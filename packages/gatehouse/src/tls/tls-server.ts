import type { RequestListener } from 'node:http'
import { Server, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Http2Connections } from '@gatehouse/gateway/http2/connections'

/**
 * An HTTPS server that offers `h2` beside `http/1.1` (RFC 7301). What becomes of a connection is decided once, by what its client
 * and the server have agreed on: one of HTTP/1.1 takes the very way that it takes without this.
 */
export class TwoProtocolServer extends Server {
  readonly #http2: Http2Connections

  constructor(options: ServerOptions, listener: RequestListener, http2: Http2Connections) {
    super({ ...options, ALPNProtocols: ['h2', 'http/1.1'] }, listener)
    this.#http2 = http2
    const serveHttp1 = this.listeners('secureConnection')
    this.removeAllListeners('secureConnection')
    this.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') http2.accept(socket)
      else for (const serve of serveHttp1) serve.call(this, socket)
    })
  }

  /** Called when the server closes, by Node itself too. */
  override closeIdleConnections(): void {
    super.closeIdleConnections()
    this.#http2.stop()
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    this.#http2.destroy()
  }
}
