import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { Pieces } from './pieces.ts'

/** How much of a body is held for a second attempt, in bytes (64 KiB). */
const mostHeld = 65_536

/** How much of a body is read ahead of who wants it, in bytes (16 KiB). */
const mostAhead = 16_384

/**
 * A request's body on its way to the service: counted, and apart from the request itself, since whoever ends a stream
 * that is the request ends the client's connection with it, answer and all.
 *
 * What nobody wants yet is gathered here, small pieces as one, and not in the stream: a client may send its body a byte at a time, also many
 * such in one packet, and a stream would keep each with a hundred bytes and more of its own. For the same reason it is the
 * connection that is told to stop, where it is this request's: a request that is told so keeps what is read all the same.
 */
export class RequestBody extends Readable {
  /** When the last of it came, by `performance.now()`; 0 before that. */
  endedAt = 0
  /** Called when {@link hasEnough} or {@link isWhole} has come to be true, perhaps more than once. */
  onProgress: (() => void) | undefined = undefined
  /** Whether so much of it has come that it can be sent on: all of it, as much as is read ahead, or whatever comes. */
  hasEnough: boolean
  readonly #request: IncomingMessage
  readonly #length: number
  readonly #limit: number
  readonly #onTooLarge: () => void
  #bytes = 0
  #ticks = 0
  #quietTicks = 0
  #discarding = false
  #isTooLarge = false
  readonly #isPatient: boolean
  /** All that has come, where it is held; absent where it is not, or not any more. */
  #held: Buffer[] | undefined
  readonly #ahead = new Pieces()
  /** Whether the stream takes more now. */
  #isWanted = true
  #isPaused = false
  /** Whether it is about to be put to sleep. */
  #isStopping = false

  /**
   * `length` in bytes, as the client has said it; -1 = it has not. `limit` in bytes. `onTooLarge` is called once, when a body turns out longer; what is longer is never forwarded. `isPatient`:
   * whether it may come as slowly as it likes, as the messages of a conversation do. `isHeld`: whether its beginning is held, so
   * that it can be sent once more.
   */
  constructor(
    request: IncomingMessage,
    length: number,
    limit: number,
    onTooLarge: () => void,
    isPatient = false,
    isHeld = false,
  ) {
    // One piece at a time: whatever else there is waits ahead of it.
    super({ highWaterMark: 1 })
    this.#held = isHeld ? [] : undefined
    this.#isPatient = isPatient
    this.#request = request
    this.#length = length
    this.hasEnough = length < 0
    this.#limit = limit
    this.#onTooLarge = onTooLarge
    // Whoever destroys this with an error tells the exchange as well; unheard, the event would end the process.
    this.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => this.#take(chunk))
    request.on('end', () => {
      this.endedAt = performance.now()
      if (!this.destroyed) {
        while (this.#pushOne());
        this.push(null)
      }
      this.#progress()
    })
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length
    this.#quietTicks = 0
    if (this.#bytes > this.#limit) {
      // Whoever was told that it is too long gets to read that; their connection ends soon.
      if (this.#isTooLarge) return
      // Nobody is left to tell once the rest is only being read away.
      if (this.#discarding) return void this.#request.destroy()
      this.#isTooLarge = true
      this.#onTooLarge()
      return
    }
    if (this.#discarding || this.destroyed) return
    this.#ahead.add(chunk)
    if (this.#isWanted) this.#pushOne()
    const isFull = this.#ahead.length + this.readableLength >= mostAhead
    if (isFull) this.#pause()
    if (isFull || this.#bytes === this.#length) this.#progress()
  }

  /** Hands on the first of what was read ahead; false where there is nothing. */
  #pushOne(): boolean {
    const piece = this.#ahead.take()
    if (piece === undefined) return false
    if (this.#held !== undefined && this.#bytes <= mostHeld) this.#held.push(piece)
    else this.#held = undefined
    this.#isWanted = false
    this.push(piece)
    return true
  }

  /**
   * To be called for each piece that comes: Node's reader of requests wakes the connection after each of them, a tick later. That is
   * why it is put to sleep some ticks later still, and once more in the next turn, for a Node that takes its time.
   */
  #pause(): void {
    // Of a body that is whole nothing more comes, and the connection is the next one's.
    if (this.#request.complete) return
    this.#isPaused = true
    if (this.#isStopping) return
    this.#isStopping = true
    const stop = (): void => {
      if (this.#isPaused) this.#source.pause()
    }
    process.nextTick(process.nextTick, process.nextTick, stop)
    setImmediate(() => {
      this.#isStopping = false
      stop()
    })
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#source.resume()
  }

  /** What stops for as long as nobody wants more: a request of HTTP/2 alone, and else the connection. */
  get #source(): Readable {
    return this.#request.httpVersionMajor === 1 ? this.#request.socket : this.#request
  }

  #progress(): void {
    this.hasEnough = true
    this.onProgress?.()
  }

  /** Whether all of it has come. */
  get isWhole(): boolean {
    return this.endedAt !== 0 || this.#bytes === this.#length
  }

  /** All that has come so far, once; absent where that is not held. Nothing is held from then on. */
  takeHeld(): readonly Buffer[] | undefined {
    if (this.#held === undefined) return undefined
    while (this.#pushOne());
    const held = this.#held
    this.#held = undefined
    return held
  }

  override _read(): void {
    this.#isWanted = true
    this.#pushOne()
    if (this.#ahead.length < mostAhead) this.#resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Its connection may have more requests for us.
    this.#resume()
    callback(error)
  }

  /** Whether more of it is awaited from the client; not where the service takes no more. */
  get isArriving(): boolean {
    return !this.#request.complete && !this.#isPaused
  }

  /** Reads the rest away, up to the limit, so that the client can finish and use its connection again. */
  discard(): void {
    if (this.#discarding || this.#request.complete) return
    this.#discarding = true
    this.#resume()
  }

  /**
   * One tick has passed; whether the client is too slow: no byte for `idleTicks`, or fewer than `rate` bytes per tick
   * once they have passed. Time in which the service keeps the client waiting does not count.
   */
  isTooSlow(idleTicks: number, rate: number): boolean {
    if (this.#isPatient || !this.isArriving) return false
    this.#ticks += 1
    this.#quietTicks += 1
    return this.#quietTicks > idleTicks || (this.#ticks > idleTicks && this.#bytes < this.#ticks * rate)
  }
}
