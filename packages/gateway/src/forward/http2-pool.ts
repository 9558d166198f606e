import type { Dispatcher } from 'undici'
import type { ConnectionPool } from './connection-pool.ts'
import { type Http2Options, Http2Session } from './http2-session.ts'

/** How an upstream is reached, and by how many connections at most. */
export interface Http2PoolOptions extends Http2Options {
  readonly sessions: number
}

interface Waiting {
  readonly options: Dispatcher.DispatchOptions
  readonly handler: Dispatcher.DispatchHandler
}

/**
 * The connections of HTTP/2 to one upstream. A request goes to the one with least under way; another one is opened where each has
 * as many streams as it may have, and beyond the last of them requests wait. Opens none before the first request.
 */
export class Http2Pool implements ConnectionPool {
  readonly #origin: string
  readonly #options: Http2PoolOptions
  readonly #sessions = new Set<Http2Session>()
  #waiting: Waiting[] = []
  #isClosed = false
  #onEmpty: (() => void) | undefined = undefined

  /** `origin`: http://… for prior knowledge, https://… for TLS. */
  constructor(origin: string, options: Http2PoolOptions) {
    this.#origin = origin
    this.#options = options
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (this.#isClosed) return handler.onError?.(closedError())
    const session = this.#findRoom()
    if (session !== undefined) return session.send(options, handler)
    this.#waiting.push({ options, handler })
    this.#openMore()
  }

  #findRoom(): Http2Session | undefined {
    let best: Http2Session | undefined
    for (const session of this.#sessions) {
      if (session.hasRoom && (best === undefined || session.streams < best.streams)) best = session
    }
    return best
  }

  /** Opens a connection where those that are being made would not do for everybody who waits. */
  #openMore(): void {
    let [taking, coming] = [0, 0]
    for (const session of this.#sessions) {
      if (!session.isClosing) taking += 1
      if (session.isConnecting) coming += Http2Session.mostStreams
    }
    if (taking >= this.#options.sessions || this.#waiting.length <= coming) return
    const session = new Http2Session(this.#origin, this.#options, {
      onRoom: () => this.#sendWaiting(),
      onClosing: () => this.#openMore(),
      onGone: (error) => this.#onGone(session, error),
    })
    this.#sessions.add(session)
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0) {
      const session = this.#findRoom()
      if (session === undefined) return
      const next = this.#waiting.shift()
      if (next !== undefined) session.send(next.options, next.handler)
    }
  }

  /** Where a connection never came to be, neither would the next one. */
  #onGone(session: Http2Session, error: Error | undefined): void {
    this.#sessions.delete(session)
    if (error !== undefined && ![...this.#sessions].some(({ isClosing }) => !isClosing)) this.#failWaiting(error)
    else if (this.#waiting.length > 0) this.#openMore()
    if (this.#sessions.size === 0) this.#onEmpty?.()
  }

  #failWaiting(error: Error): void {
    const failed = this.#waiting
    this.#waiting = []
    for (const { handler } of failed) handler.onError?.(error)
  }

  /** What waits for a connection now gets none any more. */
  close(): Promise<void> {
    this.#isClosed = true
    this.#failWaiting(closedError())
    const empty = this.#sessions.size === 0 ? Promise.resolve() : this.#untilEmpty()
    for (const session of this.#sessions) session.close()
    return empty
  }

  async destroy(): Promise<void> {
    this.#isClosed = true
    this.#failWaiting(closedError())
    for (const session of this.#sessions) session.destroy()
  }

  #untilEmpty(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#onEmpty
      this.#onEmpty = () => {
        before?.()
        resolve()
      }
    })
  }
}

const closedError = (): Error => Object.assign(new Error('the pool is closed'), { code: 'UND_ERR_CLOSED' })
