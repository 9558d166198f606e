import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { isAhead } from '../is-ahead.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { startHealthChecks } from './health-checks.ts'
import { buildHearingConnector } from './hear-out.ts'
import { Http2Pool } from './http2-pool.ts'
import { Pool } from './pool.ts'
import { Standing } from './standing.ts'
import type { ForwardTuning } from './tuning.ts'
import { findHttp2Origin, type UpstreamOptions } from './upstream-options.ts'

/**
 * One origin that requests are forwarded to: its connections, how many requests it has, and whether it can be reached.
 * Certificates of https origins are verified.
 */
export class Upstream {
  readonly origin: string
  /** Requests that were handed over and are not over, the waiting ones included. */
  running = 0
  /** How well it answers. */
  readonly standing = new Standing()
  readonly #options: UpstreamOptions
  readonly #checks: { stop(): void } | undefined
  readonly #tuning: ForwardTuning
  readonly #hostname: string
  readonly #connections: number
  /** The pools in use: the last one takes requests, others end as their requests do. */
  #pool: ConnectionPool
  readonly #retired = new Set<ConnectionPool>()
  #consecutiveFailures = 0
  /** 0 = in use. */
  #pausedUntil = 0
  #pause = 0
  #probedAt = 0
  #probing = false
  #resolveAt = 0
  #addresses = ''
  #closed: Promise<void> | undefined = undefined
  /** How many of those that are running have a body that is still to come, but for conversations; and by client. */
  #unfinished = 0
  readonly #unfinishedOf = new Map<string, number>()

  constructor(origin: string, options: UpstreamOptions, tuning: ForwardTuning) {
    this.origin = origin
    this.#options = options
    this.#tuning = tuning
    this.#connections = options.connections ?? tuning.connections
    const { hostname } = new URL(origin)
    this.#hostname = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : ''
    this.#pool = this.#openPool()
    this.#checks =
      options.health &&
      startHealthChecks(
        options.health,
        (request, handler) => this.#pool.dispatch(request, handler),
        (isWell) => this.standing.checked(isWell),
      )
  }

  /** Forwards one request; `now` in milliseconds. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, now: number): void {
    this.running += 1
    if (this.#hostname !== '' && !isAhead(this.#resolveAt, now, this.#tuning.resolveAfter)) this.#resolveAgain(now)
    this.#pool.dispatch(options, handler)
  }

  /** Whether a request may go here now. After a pause the first one that asks is the probe; others wait for its result. */
  take(now: number): boolean {
    if (!this.canTake(now)) return false
    if (this.#pausedUntil === 0) return true
    this.#pausedUntil = now + this.#pause
    return this.#beginProbe(now)
  }

  /** Whether a paused upstream may be tried before its time since there is no better one: once per first pause. */
  takeAsLastResort(now: number): boolean {
    const { firstPause } = this.#tuning
    return this.#pausedUntil !== 0 && !isAhead(this.#probedAt + firstPause, now, firstPause) && this.#beginProbe(now)
  }

  /** Whether {@link take} would say so; nothing is changed by asking. */
  canTake(now: number): boolean {
    if (this.isFull) return false
    return this.#pausedUntil === 0 || !isAhead(this.#pausedUntil, now, this.#tuning.lastPause)
  }

  /** Whether as many requests wait for a connection as may. */
  get isFull(): boolean {
    return this.running >= this.#connections + this.#tuning.queue
  }

  /**
   * Whether one more request of a client may be handed over whose body is still to come. Half of the connections are for what clients
   * have done with, so that whoever sends slowly, by whatever ruse, keeps nobody else waiting; and one client gets an eighth of them, so
   * that it cannot have the other half.
   */
  takesUnfinished(client: string): boolean {
    const [most, ofOne] = [Math.max(1, this.#connections / 2), Math.max(1, this.#connections / 8)]
    return this.#unfinished < most && (this.#unfinishedOf.get(client) ?? 0) < ofOne
  }

  /** One such request was handed over; {@link endUnfinished} when its body has come, or it is over. */
  beginUnfinished(client: string): void {
    this.#unfinished += 1
    this.#unfinishedOf.set(client, (this.#unfinishedOf.get(client) ?? 0) + 1)
  }

  endUnfinished(client: string): void {
    this.#unfinished -= 1
    const left = (this.#unfinishedOf.get(client) ?? 1) - 1
    if (left === 0) this.#unfinishedOf.delete(client)
    else this.#unfinishedOf.set(client, left)
  }

  #beginProbe(now: number): true {
    this.#probedAt = now
    this.#probing = true
    return true
  }

  /** A connection was there. */
  reached(): void {
    if (this.#consecutiveFailures === 0) return
    this.#consecutiveFailures = 0
    this.#pausedUntil = 0
    this.#pause = 0
    this.#probing = false
  }

  /** No connection could be made. Many requests fail together: during a pause only the probe's failure lengthens it. */
  unreachable(now: number): void {
    const { failures, firstPause, lastPause } = this.#tuning
    this.#consecutiveFailures += 1
    if (this.#consecutiveFailures < failures) return
    if (this.#pausedUntil !== 0 && !this.#probing) return
    this.#pause = this.#pause === 0 ? firstPause : Math.min(this.#pause * 2, lastPause)
    this.#pausedUntil = now + this.#pause
    this.#probedAt = now
    this.#probing = false
  }

  #openPool(): ConnectionPool {
    const { timeouts, tls = {} } = this.#options
    const { ca, cert, key, serverName } = tls
    const connect = {
      lookup: this.#tuning.lookup,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2' as const,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    }
    const http2Origin = findHttp2Origin(this.origin)
    if (http2Origin !== undefined)
      return new Http2Pool(http2Origin, { timeouts, sessions: this.#tuning.sessions, connect })
    return new Pool(this.origin, {
      connections: this.#connections,
      pipelining: 1,
      connect: buildHearingConnector({ timeout: timeouts.connect, ...connect }),
      // Each exchange has a timer of its own: see HeaderWait.
      headersTimeout: 0,
      bodyTimeout: timeouts.idle,
      maxHeaderSize: 32_768,
    })
  }

  /** Opens new connections once the name leads elsewhere; those to the old addresses end when their requests do. */
  #resolveAgain(now: number): void {
    this.#resolveAt = now + this.#tuning.resolveAfter
    this.#tuning.lookup(this.#hostname, { all: true }, (error, found) => {
      if (error !== null || this.#closed !== undefined) return
      const list = typeof found === 'string' ? [found] : found.map(({ address }) => address)
      const addresses = list.sort().join(' ')
      if (this.#addresses !== '' && addresses !== this.#addresses) {
        const old = this.#pool
        this.#pool = this.#openPool()
        this.#retired.add(old)
        void old.close().then(() => this.#retired.delete(old))
      }
      this.#addresses = addresses
    })
  }

  /** Takes no more requests; resolved when those that it has are over. May be called again. */
  close(): Promise<void> {
    this.#checks?.stop()
    this.#closed ??= Promise.all([this.#pool, ...this.#retired].map((pool) => pool.close())).then(() => undefined)
    return this.#closed
  }

  /** Breaks off what is running. */
  async destroy(): Promise<void> {
    await Promise.all([this.#pool, ...this.#retired].map((pool) => pool.destroy()))
  }
}
