import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { ErrorCode } from '@gatehouse/core/errors'
import { errorCatalogue } from '@gatehouse/core/errors'
import { newDecisionId, newRequestId } from '@gatehouse/core/random'
import { type CheckedRequest, checkMessage, type RefusedRequest } from '../check-request.ts'
import type { RefusalEntry } from '../refuse.ts'
import { Allowance } from './allowance.ts'
import { defaultLimits, type Http2Limits, sessionOptions } from './limits.ts'
import { readRequestHead } from './request-head.ts'
import { StreamRequest } from './stream-request.ts'
import { StreamResponse } from './stream-response.ts'

/** Answers the request of a stream; `checked` is decided already. */
export type StreamListener = (
  request: IncomingMessage,
  response: ServerResponse,
  checked: CheckedRequest | RefusedRequest,
) => void

/** The connections of a listener that have agreed on HTTP/2. */
export interface Http2Connections {
  /** Takes a connection over. It is secure, and nothing was read of it. */
  accept(socket: TLSSocket): void
  /** Tells every client to go elsewhere, also those that come from then on, and lets what is under way be finished. Spec: RFC 9113 section 6.8. */
  stop(): void
  /** Breaks off what is under way. */
  destroy(): void
}

/** What serving them needs. */
export interface Http2Dependencies {
  readonly listener: StreamListener
  readonly logRefusal: (entry: RefusalEntry) => void
  /** For tests. */
  readonly limits?: Partial<Http2Limits>
}

/**
 * Serves connections of HTTP/2: each stream is a request of its own, read and answered as one of HTTP/1.1. Spec: RFC 9113.
 * Stops: floods of streams that are reset (CVE-2023-44487, CVE-2025-8671), of PING and of SETTINGS; connections that are held for
 * nothing; header blocks that never end.
 */
export function createHttp2Connections({ listener, logRefusal, limits }: Http2Dependencies): Http2Connections {
  const all = new Set<Connection>()
  const shared: Shared = { listener, logRefusal, limits: { ...defaultLimits, ...limits } }
  let timer: NodeJS.Timeout | undefined
  let isStopping = false
  const forget = (connection: Connection): void => {
    all.delete(connection)
    if (all.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  return {
    accept(socket) {
      const connection = new Connection(socket, shared, forget)
      all.add(connection)
      // Its handshake has outlasted the last word to the others.
      if (isStopping) connection.stop()
      timer ??= setInterval(() => {
        const now = performance.now()
        for (const connection of all) connection.onTick(now)
      }, shared.limits.tick).unref()
    },
    stop() {
      isStopping = true
      for (const connection of all) connection.stop()
    },
    destroy() {
      for (const connection of all) connection.destroy()
    },
  }
}

interface Shared extends Pick<Http2Dependencies, 'listener' | 'logRefusal'> {
  readonly limits: Http2Limits
}

/** What node:http2 tells of a new stream; the last, the fields in their order, is in no types. */
type Opened = [stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, fields: readonly string[]]

/** END_STREAM on a HEADERS frame. Spec: RFC 9113 section 6.2. */
const endStream = 0x1
/** Error codes. Spec: RFC 9113 section 7. */
const refusedStream = 7
const enhanceYourCalm = 11

class Connection {
  readonly #session: ServerHttp2Session
  readonly #socket: TLSSocket
  /** Its client's; asked for once, since a socket that is gone has none. */
  readonly #address: string
  readonly #shared: Shared
  readonly #resets: Allowance
  readonly #controls: Allowance
  /** Streams under way. */
  #streams = 0
  #idleSince = performance.now()
  #isFresh = true
  #destroyedAt: number | undefined = undefined
  /** It has cost too much, and is about to be broken. */
  #isRefused = false

  constructor(socket: TLSSocket, shared: Shared, onClosed: (connection: Connection) => void) {
    this.#socket = socket
    this.#address = socket.remoteAddress ?? ''
    this.#shared = shared
    this.#resets = new Allowance(shared.limits.resets)
    this.#controls = new Allowance(shared.limits.controls)
    // RFC 9113 section 9.2.1.
    socket.disableRenegotiation()
    const session = performServerHandshake(socket, sessionOptions)
    this.#session = session
    // The types know of three arguments only.
    session.on('stream', (...opened: Opened) => this.#onStream(...opened))
    session.on('ping', () => this.#onControl())
    session.on('remoteSettings', () => this.#onControl())
    session.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#isRefused && error.code?.startsWith('ERR_HTTP2') === true)
        this.#log('invalid_request', `${error.code} ${error.message}`)
    })
    session.on('close', () => onClosed(this))
  }

  #onStream(...[stream, headers, flags, fields]: Opened): void {
    // What goes wrong with one is told by its end.
    stream.on('error', () => undefined)
    if (this.#isRefused) return stream.close(refusedStream)
    this.#streams += 1
    this.#isFresh = false
    const openedAt = performance.now()
    const ends = (flags & endStream) !== 0
    const head = readRequestHead(headers, fields, ends)
    const request = new StreamRequest(stream, this.#socket, head, ends)
    stream.once('close', () => this.#onStreamClosed(response, openedAt))
    const response = new StreamResponse(stream, request, request.headers.te === 'trailers', this.#shared.limits.unread)
    if (!ends && request.headers.expect?.toLowerCase() === '100-continue') stream.additionalHeaders({ ':status': 100 })
    this.#shared.listener(request, response, head.fault ?? checkMessage(request))
  }

  #onStreamClosed(response: StreamResponse, openedAt: number): void {
    this.#streams -= 1
    if (this.#streams === 0) this.#idleSince = performance.now()
    if (!response.destroyed && !response.writableEnded) this.#onReset(openedAt)
  }

  #onReset(openedAt: number): void {
    const now = performance.now()
    if (now - openedAt >= this.#shared.limits.soon) return
    if (!this.#resets.take(now)) this.#refuse('too many streams were reset on one connection')
  }

  #onControl(): void {
    if (!this.#controls.take(performance.now())) this.#refuse('too many PING or SETTINGS frames on one connection')
  }

  #refuse(reason: string): void {
    if (this.#isRefused) return
    this.#isRefused = true
    this.#log('too_many_requests', reason)
    this.#session.goaway(enhanceYourCalm)
    // Not at once: the client is told before the connection breaks.
    setImmediate(() => this.#break(enhanceYourCalm))
  }

  onTick(now: number): void {
    const { firstStream, idle, linger } = this.#shared.limits
    if (this.#session.destroyed) {
      // Node waits for the client to take the last frames, and to close its side.
      this.#destroyedAt ??= now
      if (now - this.#destroyedAt > linger) this.#socket.destroy()
      return
    }
    if (this.#streams > 0 || now - this.#idleSince <= (this.#isFresh ? firstStream : idle)) return
    this.#session.close()
  }

  /** Names the last stream that is taken: nghttp2 takes none after the first word of it, so that there is no earlier one. */
  stop(): void {
    this.#session.close()
  }

  destroy(): void {
    this.#break(0)
  }

  #break(code: number): void {
    // A number is an error code of HTTP/2, which the types know of as an error only.
    this.#session.destroy(code as unknown as Error)
    this.#socket.destroy()
  }

  #log(code: ErrorCode, reason: string): void {
    const nobody = { route: '', method: '', host: '', path: '', subject: '', client_id: '', rule: '' }
    this.#shared.logRefusal({
      ...nobody,
      decision_id: newDecisionId(),
      request_id: newRequestId(),
      code,
      status: errorCatalogue[code].status,
      address: this.#address,
      reason,
      needed: 'a connection that keeps to the limits of HTTP/2',
    })
  }
}
