import type { VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { RemovalClock } from '@gatehouse/core/removal-clock'
import type { Clock } from '@gatehouse/core/time'
import { feedEvents } from '@gatehouse/core/wire-names'
import { buildBasic, type ClientCredential } from './client-credential.ts'
import type { Discovery } from './discovery.ts'
import { EventStreamParser, type StreamEvent } from './event-stream.ts'
import { parseRevocations, parseSeq } from './feed-events.ts'
import { createRevocationSet } from './revocations.ts'

/** The issuer's revocations, followed as they happen. */
export interface FollowedFeed {
  /** Whether the set can be believed: everything was told, and there was a sign of life within the bound. */
  readonly isCurrent: boolean
  /** Whether a token is known to be revoked. What is known counts, current or not. */
  isRevoked(token: Pick<VerifiedToken, 'claims' | 'kid'>): boolean
  /** Why the feed was last lost, for the log. */
  readonly lastFailure: unknown
  /** Lets go of the feed. From now on it is not current. */
  close(): void
}

/** What following takes. */
export interface FeedOptions {
  readonly discovery: Discovery
  readonly client: ClientCredential
  readonly fetch: typeof fetch
  readonly clock: Clock
  /** Seconds without a sign of life after which the set is not believed. */
  readonly lostAfter: number
  /** Longest pause before a connection, in milliseconds: at first, and after many failures. */
  readonly pauses?: { readonly first: number; readonly most: number }
}

/** Values that are held at most, about 100 bytes each: what has more is no feed to rely on. */
const maxValues = 1_000_000

/** Begins to follow the feed of one issuer, at once. Its timers hold no process up; its connection does, until `close`. */
export const followRevocations = (options: FeedOptions): FollowedFeed => new Follower(options)

class Follower implements FollowedFeed {
  readonly #options: FeedOptions
  readonly #set = createRevocationSet()
  readonly #removal: RemovalClock
  readonly #closed = new AbortController()
  /** Up to which number everything is known: from there it resumes. */
  #seq: number | undefined
  /** When there was the last sign of life of a feed that had told everything, by the clock; -Infinity = never. */
  #heardAt = Number.NEGATIVE_INFINITY
  #failures = 0
  lastFailure: unknown = undefined

  constructor(options: FeedOptions) {
    this.#options = options
    this.#removal = new RemovalClock(options.clock)
    void this.#follow()
  }

  get isCurrent(): boolean {
    // By the clock and not by a timer: a process that was asleep would otherwise believe what it knew before. A clock that
    // was set back proves nothing.
    const silence = this.#options.clock.milliseconds() - this.#heardAt
    return silence >= 0 && silence <= this.#options.lostAfter * 1000
  }

  isRevoked(token: Pick<VerifiedToken, 'claims' | 'kid'>): boolean {
    return this.#set.isRevoked(token)
  }

  close(): void {
    this.#closed.abort()
    this.#heardAt = Number.NEGATIVE_INFINITY
  }

  async #follow(): Promise<void> {
    const { first, most } = this.#options.pauses ?? { first: 1000, most: 10_000 }
    while (!this.#closed.signal.aborted) {
      try {
        await this.#connect()
      } catch (failure) {
        this.lastFailure = failure
        this.#options.discovery.forget()
      }
      this.#failures += 1
      // At random, so that the guards of a server that comes back do not come all at once.
      await pause(Math.random() * Math.min(first * 2 ** (this.#failures - 1), most), this.#closed.signal)
    }
  }

  /** One connection, from its beginning to its end; rejects unless the server has ended it in order. */
  async #connect(): Promise<void> {
    const { fetch, client, lostAfter, discovery } = this.#options
    const connection = new AbortController()
    const cut = () => connection.abort(new Error(`no sign of life for ${lostAfter} s`))
    const onClosed = () => connection.abort(new Error('closed'))
    this.#closed.signal.addEventListener('abort', onClosed, { once: true })
    // A connection that is dead says nothing at all: nobody else would notice.
    const watchdog = setTimeout(cut, lostAfter * 1000).unref()
    try {
      const url = await findFeed(discovery)
      const headers: Record<string, string> = { accept: 'text/event-stream', authorization: buildBasic(client) }
      if (this.#seq !== undefined) headers['last-event-id'] = String(this.#seq)
      // Not from any cache: some frameworks put one before fetch.
      const fresh = { cache: 'no-store', redirect: 'error', signal: connection.signal } as const
      const response = await fetch(url, { headers, ...fresh })
      const type = response.headers.get('content-type') ?? ''
      if (response.status !== 200 || !/^text\/event-stream *(?:;|$)/i.test(type) || !response.body) {
        await response.body?.cancel()
        throw new Error(`${url} answered ${response.status} ${type}`)
      }
      const parser = new EventStreamParser()
      let isCaughtUp = false
      for await (const chunk of response.body) {
        watchdog.refresh()
        for (const event of parser.push(chunk)) isCaughtUp = this.#take(event) || isCaughtUp
        if (isCaughtUp) this.#hear()
      }
    } finally {
      clearTimeout(watchdog)
      this.#closed.signal.removeEventListener('abort', onClosed)
      connection.abort()
    }
  }

  /** Whether this event says that everything has been told. */
  #take({ event, id, data }: StreamEvent): boolean {
    if (event === feedEvents.revoked) {
      this.#set.add(parseRevocations(data))
      if (this.#set.size > maxValues) throw new Error(`the feed holds more than ${maxValues} values`)
    }
    this.#seq = parseSeq(id) ?? this.#seq
    return event === feedEvents.current
  }

  #hear(): void {
    if (this.#closed.signal.aborted) return
    this.#heardAt = this.#options.clock.milliseconds()
    this.#failures = 0
    this.#set.removeExpired(this.#removal.now())
  }
}

async function findFeed(discovery: Discovery): Promise<string> {
  const { revocationFeedEndpoint } = await discovery.get()
  if (revocationFeedEndpoint !== undefined) return revocationFeedEndpoint
  const cause = new Error('the issuer names no revocation_feed_endpoint')
  throw new GatehouseError('temporarily_unavailable', { cause })
}

/** Waits, or returns as soon as the signal says so. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds).unref()
    signal.addEventListener('abort', done, { once: true })
  })
}
