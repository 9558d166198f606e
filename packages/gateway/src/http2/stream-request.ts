import { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { RequestHead } from './request-head.ts'

/**
 * A stream's request, as everything behind the front door reads one. `socket` is its connection's: to be looked at, and not
 * to be written to. Its body is read from the stream no faster than somebody reads it here. Destroying it resets the stream,
 * unless that has an answer already, and leaves the connection alone.
 */
export class StreamRequest extends IncomingMessage {
  readonly #stream: ServerHttp2Stream
  #isRead = false

  /** `ends`: whether there is no body. */
  constructor(stream: ServerHttp2Stream, socket: Socket, head: RequestHead, ends: boolean) {
    super(socket)
    this.#stream = stream
    this.method = head.method
    this.url = head.target
    this.httpVersion = '2.0'
    this.httpVersionMajor = 2
    this.httpVersionMinor = 0
    this.rawHeaders = head.rawHeaders
    this.headers = head.headers
    if (ends) this.#end()
    stream.once('close', () => this.#onClosed())
  }

  override _read(): void {
    if (this.complete) return
    const stream = this.#stream
    if (!this.#isRead) {
      this.#isRead = true
      stream.on('data', (chunk: Buffer) => {
        if (!this.push(chunk)) stream.pause()
      })
      stream.once('end', () => {
        // One that the client resets without an error ends as well, and its body is not whole.
        if (!stream.closed) this.#end()
      })
    }
    stream.resume()
  }

  #end(): void {
    this.complete = true
    this.push(null)
  }

  #onClosed(): void {
    if (!this.complete) this.destroy()
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.complete) {
      this.aborted = true
      this.emit('aborted')
      const stream = this.#stream
      // An answer that has begun gets to its end, which ends the stream too.
      if (stream.headersSent) stream.pause()
      else if (!stream.destroyed) stream.destroy(new Error('the request was given up'))
    }
    // Nobody who reads a request listens to its errors: as with HTTP/1.1, it is only over.
    process.nextTick(callback)
  }
}
