import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { collectFields } from '../http2/header-fields.ts'
import { isOutOfTime } from './header-wait.ts'
import { tellFailure } from './unprocessed.ts'

/** How long a call may be silent; for the beginning of its answer its handler waits, see {@link HeaderWait}. */
interface Patience {
  /** The last stream that the service has taken, as its GOAWAY says; absent without one. */
  readonly lastTaken: () => number | undefined
  /** Milliseconds without a byte in either direction. */
  readonly idle: number
  /** Called where either is over: the connection may be dead. */
  readonly onTimeout: () => void
}

/** Error codes. Spec: RFC 9113 section 7. */
const noError = 0
const cancel = 8
/** END_STREAM on a HEADERS frame. */
const endStream = 0x1

/**
 * One request on a stream of its own, told to a handler of undici's kind. Neither direction waits for the other. The answer
 * counts as whole where the stream ends in order and, where a length was announced, with so many bytes.
 */
export class Http2Call {
  readonly #session: ClientHttp2Session
  readonly #origin: string
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler
  readonly #patience: Patience
  #stream: ClientHttp2Stream | undefined = undefined
  #isOver = false
  #isPaused = false
  #isAnswered = false
  #trailers: Buffer[] = []
  /** Bytes that the answer still owes; Infinity = nobody has said. */
  #owed = Number.POSITIVE_INFINITY
  #failure: Error | undefined = undefined

  constructor(
    session: ClientHttp2Session,
    origin: string,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    patience: Patience,
  ) {
    this.#session = session
    this.#origin = origin
    this.#options = options
    this.#handler = handler
    this.#patience = patience
  }

  /** Sends it; `onGone` is called once, when its stream is no more. */
  start(onGone: () => void): void {
    let stream: ClientHttp2Stream
    try {
      this.#handler.onConnect?.((reason) => this.#onGivenUp(reason))
      stream = this.#session.request(this.#head(), { endStream: !(this.#options.body instanceof Readable) })
    } catch (error) {
      this.#fail(tellFailure(error as Error, { lastTaken: undefined })) // node and the handler throw nothing else
      return onGone()
    }
    this.#stream = stream
    stream.on('error', (error) => {
      this.#failure ??= error
    })
    stream.on('close', () => {
      const failure = this.#failure ?? new Error(`the upstream has reset the stream (${stream.rstCode})`)
      const { id, rstCode } = stream
      this.#fail(
        this.#isAnswered ? failure : tellFailure(failure, { id, rstCode, lastTaken: this.#patience.lastTaken() }),
      )
      onGone()
    })
    stream.on('response', (...answer: Answered) => this.#onResponse(...answer))
    stream.setTimeout(this.#patience.idle, () => this.#onIdle())
    this.#sendBody(stream)
  }

  #head() {
    const { path, method, headers } = this.#options
    const { host, protocol } = new URL(this.#origin)
    // The gateway and the health checks hand over flat lists.
    const fields = collectFields(headers as readonly string[])
    const place = { ':scheme': protocol.slice(0, -1), ':authority': host }
    return { ':method': method, ':path': path, ...place, ...fields, te: 'trailers' }
  }

  #sendBody(stream: ClientHttp2Stream): void {
    const { body } = this.#options
    if (!(body instanceof Readable)) return
    const onData = (chunk: Buffer): void => {
      if (!stream.writable || stream.write(chunk)) return
      body.pause()
      stream.once('drain', () => body.resume())
    }
    const onEnd = (): void => void stream.end()
    body.on('data', onData)
    body.on('end', onEnd)
    // It may be sent once more, by another stream: nothing of it is to be lost meanwhile.
    stream.once('close', () => {
      if (this.#isAnswered) return
      body.off('data', onData).off('end', onEnd).pause()
    })
  }

  #onIdle(): void {
    // Its own client holds it up, who is watched elsewhere.
    if (this.#isPaused) return
    this.#abort(timeout('no byte in either direction for too long'))
    this.#patience.onTimeout()
  }

  #onGivenUp(reason: Error | undefined): void {
    this.#abort(reason)
    if (isOutOfTime(reason)) this.#patience.onTimeout()
  }

  #abort(reason: Error = new Error('given up')): void {
    this.#failure ??= reason
    const stream = this.#stream
    // Not of a body that is under way: `close` would end it in order before it resets the stream, and half of it would look whole.
    if (stream?.writableEnded === true) stream.close(cancel)
    // `close` alone ends nothing on a connection that nghttp2 has given up, which node:http2 tells nobody of.
    stream?.destroy(reason)
  }

  #onResponse(...[headers, flags, fields]: Answered): void {
    if (this.#isOver) return
    this.#isAnswered = true
    const stream = this.#stream as ClientHttp2Stream // there is no answer without one
    const status = headers[':status'] ?? 0
    const isWhole = (flags & endStream) !== 0
    const length = Number(headers['content-length'] ?? Number.NaN)
    if (!isWhole && this.#options.method !== 'HEAD' && Number.isSafeInteger(length)) this.#owed = length
    this.#guard(() => this.#handler.onHeaders?.(status, toRaw(fields), () => this.#resume(), ''))
    // Headers alone, with the end in their frame: told together, so that they can be passed on as one.
    if (isWhole && this.#failure === undefined) this.#complete()
    stream.on('data', (chunk: Buffer) => this.#onData(chunk))
    stream.on('trailers', (...trailers: Answered) => {
      this.#trailers = toRaw(trailers[2])
    })
    stream.on('end', () => {
      // One that is reset ends too, and is told of at its close.
      if (stream.destroyed || stream.rstCode > noError) return
      if (this.#owed > 0 && this.#owed !== Number.POSITIVE_INFINITY) this.#abort(new Error('the answer is cut short'))
      else if (this.#failure === undefined) this.#complete()
    })
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return
    this.#owed -= chunk.length
    this.#guard(() => {
      if (this.#handler.onData?.(chunk) !== false) return
      this.#isPaused = true
      this.#stream?.pause()
    })
  }

  #resume(): void {
    this.#isPaused = false
    this.#stream?.resume()
  }

  /** A handler that throws has no use for the rest. */
  #guard(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#abort(error as Error) // ours throws nothing else
    }
  }

  #complete(): void {
    if (this.#isOver) return
    this.#isOver = true
    // Buffers, as undici itself hands trailers on; its types have it otherwise.
    this.#handler.onComplete?.(this.#trailers as unknown as string[])
    // The service has said all that it will, whatever the client still sends.
    if (this.#stream?.writableEnded === false) this.#stream.destroy()
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler.onError?.(error)
  }
}

/** What node:http2 tells of a header list; the last, the fields in their order, is in no types. */
type Answered = [headers: IncomingHttpHeaders & IncomingHttpStatusHeader, flags: number, fields: readonly string[]]

/** An error that counts as no answer in time. */
export const timeout = (message: string): Error => Object.assign(new Error(message), { code: 'ETIMEDOUT' })

function toRaw(fields: readonly string[]): Buffer[] {
  const raw: Buffer[] = []
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? ''
    if (!name.startsWith(':')) raw.push(Buffer.from(name, 'latin1'), Buffer.from(fields[index + 1] ?? '', 'latin1'))
  }
  return raw
}
