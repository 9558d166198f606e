import type { ClientHttp2Session, SecureClientSessionOptions } from 'node:http2'
import type { Dispatcher } from 'undici'
import { Http2Call, timeout } from './http2-call.ts'

/** How an upstream is reached by HTTP/2. Times are milliseconds. */
export interface Http2Options {
  readonly timeouts: { readonly connect: number; readonly idle: number }
  /** How connections are made: what node:tls and node:net are told. */
  readonly connect: SecureClientSessionOptions
}

/** What a connection tells its pool. */
interface Listeners {
  /** There is room for another stream. */
  readonly onRoom: () => void
  /** It takes no more streams; what is under way goes on. */
  readonly onClosing: () => void
  /** It is no more; `error` where it could not be made at all. */
  readonly onGone: (error: Error | undefined) => void
}

/** Milliseconds without a stream after which a connection is closed. */
const idleTime = 60_000

const settings = { enablePush: false, maxHeaderListSize: 32_768 } as const

/** One connection of HTTP/2 to an upstream. Spec: RFC 9113 sections 3.3 and 3.4 (prior knowledge), RFC 7301. */
export class Http2Session {
  /** Streams at once on one connection, where the upstream does not want fewer. */
  static readonly mostStreams = 100
  readonly #options: Http2Options
  readonly #listeners: Listeners
  readonly #origin: string
  #session: ClientHttp2Session | undefined = undefined
  #isConnected = false
  #isGone = false
  /** Whether it takes no more streams. */
  isClosing = false
  #idle: NodeJS.Timeout | undefined = undefined
  #lastTaken: number | undefined = undefined
  /** Streams under way. */
  streams = 0

  constructor(origin: string, options: Http2Options, listeners: Listeners) {
    this.#origin = origin
    this.#options = options
    this.#listeners = listeners
    // Loaded by those alone who have such an upstream.
    import('node:http2').then(({ connect }) => this.#open(connect)).catch((error) => this.#end(error))
  }

  get isConnecting(): boolean {
    return !this.#isConnected && !this.isClosing
  }

  get hasRoom(): boolean {
    if (!this.#isConnected || this.isClosing) return false
    const wanted = this.#session?.remoteSettings?.maxConcurrentStreams ?? Http2Session.mostStreams
    return this.streams < Math.min(Http2Session.mostStreams, wanted)
  }

  #open(connect: typeof import('node:http2').connect): void {
    if (this.isClosing) return
    const { connect: how, timeouts } = this.#options
    const session = connect(this.#origin, { settings, maxHeaderListPairs: 256, maxSessionMemory: 64, ...how })
    this.#session = session
    const timer = setTimeout(() => session.destroy(timeout('no connection in time')), timeouts.connect).unref()
    let failure: Error | undefined
    session.on('connect', () => {
      clearTimeout(timer)
      // A server that knows nothing of ALPN would be sent what it cannot read.
      if (session.encrypted && session.alpnProtocol !== 'h2') {
        return session.destroy(new Error('the upstream does not agree on h2'))
      }
      this.#isConnected = true
      this.#waitForUse()
      this.#listeners.onRoom()
    })
    session.on('error', (error) => {
      failure = error
    })
    session.on('goaway', (_code, lastTaken) => {
      this.#lastTaken = lastTaken
      this.#stopTaking()
    })
    session.on('close', () => {
      clearTimeout(timer)
      this.#end(this.#isConnected ? undefined : (failure ?? new Error('the connection was closed')))
    })
  }

  /** Sends a request. Only where it {@link hasRoom}. */
  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const session = this.#session
    if (session === undefined) return
    clearTimeout(this.#idle)
    this.streams += 1
    const call = new Http2Call(session, this.#origin, options, handler, {
      lastTaken: () => this.#lastTaken,
      idle: this.#options.timeouts.idle,
      // The connection may be dead, and only the next request on another one would tell.
      onTimeout: () => this.close(),
    })
    call.start(() => {
      this.streams -= 1
      if (this.streams === 0) this.#waitForUse()
      this.#listeners.onRoom()
    })
  }

  #waitForUse(): void {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.close(), idleTime).unref()
  }

  #stopTaking(): void {
    if (this.isClosing) return
    this.isClosing = true
    clearTimeout(this.#idle)
    this.#listeners.onClosing()
  }

  #end(error: Error | undefined): void {
    if (this.#isGone) return
    this.#isGone = true
    this.isClosing = true
    clearTimeout(this.#idle)
    this.#listeners.onGone(error)
  }

  /** Takes no more; what is under way is finished. */
  close(): void {
    this.#stopTaking()
    if (this.#isConnected) this.#session?.close()
    else this.destroy()
  }

  destroy(): void {
    if (this.#session === undefined) this.#end(new Error('the connection was closed'))
    else this.#session.destroy()
  }
}
