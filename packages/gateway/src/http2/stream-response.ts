import { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { addField, collectFields, type HeaderFields } from './header-fields.ts'
import type { StreamRequest } from './stream-request.ts'

/**
 * The answer on a stream, as everything behind the front door writes one: the headers wait for the first byte of a body, for
 * the end or for `flushHeaders`; those that concern a connection of HTTP/1.1 are left out. Destroying it resets the stream and
 * leaves the connection alone; a body that is still coming when the answer is out is not listened to (RFC 9113 section 8.1).
 */
export class StreamResponse extends ServerResponse {
  readonly #stream: ServerHttp2Stream
  readonly #request: StreamRequest
  #fields: HeaderFields | undefined = undefined
  #trailers: HeaderFields | undefined = undefined
  #isSent = false
  #isFinished = false
  override headersSent = false
  override writableEnded = false
  override destroyed = false
  override readonly socket: Socket
  /** Whether its client reads trailers. Spec: RFC 9110 section 6.5.1. */
  readonly takesTrailers: boolean
  /** Milliseconds for which a client may leave alone what is left of a finished answer. */
  readonly #patience: number

  constructor(stream: ServerHttp2Stream, request: StreamRequest, takesTrailers: boolean, patience: number) {
    super(request)
    this.#stream = stream
    this.#request = request
    this.#patience = patience
    this.socket = request.socket
    this.takesTrailers = takesTrailers
    stream.on('drain', () => this.emit('drain'))
    stream.once('finish', () => this.#onFinish())
    stream.once('close', () => this.#onClosed())
    if (takesTrailers) stream.once('wantTrailers', () => this.#sendTrailers())
  }

  /** Throws a RangeError for a status that HTTP/2 cannot say, as HTTP/1.1 does for those beyond 999: here is who can still answer. */
  override writeHead(status: number, ...rest: unknown[]): this {
    if (!(status >= 200 && status <= highestStatus)) throw new RangeError(`a status of ${status}`)
    this.statusCode = status
    const fields: HeaderFields = Object.create(null)
    // What was set before, in both of Node's forms.
    addAll(fields, this.getHeaders())
    const given = rest.at(-1)
    if (Array.isArray(given)) Object.assign(fields, collectFields(given.map(String)))
    else if (typeof given === 'object' && given !== null) addAll(fields, given as Record<string, unknown>)
    this.#fields = fields
    this.headersSent = true
    return this
  }

  override flushHeaders(): void {
    this.#respond(false)
  }

  override write(chunk: Uint8Array | string, ..._rest: unknown[]): boolean {
    this.#respond(false)
    // As on HTTP/1.1, what is written where there is no body goes nowhere.
    return this.#stream.writable ? this.#stream.write(chunk) : true
  }

  /** What follows the body, for a client that takes trailers: name, value, name, value. To be said before the end. */
  setTrailers(headers: readonly string[]): void {
    if (this.takesTrailers) this.#trailers = collectFields(headers)
  }

  override end(...given: unknown[]): this {
    if (this.writableEnded) return this
    this.writableEnded = true
    const [chunk] = given
    const text = typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : ''
    this.#respond(text.length === 0 && this.#trailers === undefined)
    const stream = this.#stream
    if (stream.destroyed) return this
    stream.setTimeout(this.#patience, () => this.destroy())
    if (stream.writable) stream.end(text)
    // To HEAD the stream ends at its beginning, and says so nobody knows when.
    else if (stream.writableFinished) process.nextTick(() => this.#onFinish())
    return this
  }

  override destroy(): this {
    if (this.destroyed) return this
    this.destroyed = true
    // Not `close`, which ends the body in order before it resets the stream: half of it would look whole.
    if (!this.#stream.destroyed) this.#stream.destroy(new Error('the answer was broken off'))
    return this
  }

  #respond(isWhole: boolean): void {
    const stream = this.#stream
    if (this.#isSent || stream.destroyed || stream.closed) return
    this.#isSent = true
    if (this.#fields === undefined) this.writeHead(this.statusCode)
    const options = isWhole ? { endStream: true } : { waitForTrailers: this.takesTrailers }
    stream.respond({ ':status': this.statusCode, ...this.#fields }, options)
  }

  #sendTrailers(): void {
    this.#stream.sendTrailers(this.#trailers ?? {})
    this.#stopListening()
  }

  #onFinish(): void {
    // A stream that is cut finishes too.
    if (!this.writableEnded || this.#isFinished || this.#stream.aborted) return
    this.#isFinished = true
    this.emit('finish')
    if (this.#trailers === undefined) this.#stopListening()
  }

  /** Not at once: what was written last is not yet on its way, and a reset would overtake it. */
  #stopListening(): void {
    if (!this.#request.complete) setImmediate(() => this.#stream.close(noError))
  }

  #onClosed(): void {
    this.destroyed = true
    this.emit('close')
  }
}

function addAll(fields: HeaderFields, headers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(headers)) {
    delete fields[name.toLowerCase()]
    for (const one of [value].flat()) if (one !== undefined) addField(fields, name, String(one))
  }
}

/** Spec: RFC 9110 section 15; node:http2 throws for any above, and does so when it is too late to say anything else. */
const highestStatus = 599
/** NO_ERROR. Spec: RFC 9113 section 7. */
const noError = 0
