import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** How much of a body is held for a second attempt, in bytes (64 KiB). */
const mostHeld = 65_536

/**
 * A request's body on its way to the service: counted, and apart from the request itself, since whoever ends a stream
 * that is the request ends the client's connection with it, answer and all.
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
    super()
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
      if (!this.destroyed) this.push(null)
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
    if (this.#held !== undefined && this.#bytes <= mostHeld) this.#held.push(chunk)
    else this.#held = undefined
    const takesMore = this.push(chunk)
    if (!takesMore) this.#request.pause()
    if (!takesMore || this.#bytes === this.#length) this.#progress()
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
    const held = this.#held
    this.#held = undefined
    return held
  }

  override _read(): void {
    this.#request.resume()
  }

  /** Whether more of it is awaited from the client; not where the service takes no more. */
  get isArriving(): boolean {
    return !this.#request.complete && !this.#request.isPaused()
  }

  /** Reads the rest away, up to the limit, so that the client can finish and use its connection again. */
  discard(): void {
    if (this.#discarding || this.#request.complete) return
    this.#discarding = true
    this.#request.resume()
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
