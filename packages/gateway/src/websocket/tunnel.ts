import type { Duplex } from 'node:stream'
import type { Denial } from '../denial.ts'
import type { Runs } from '../forward/running.ts'
import type { RouteTable } from '../routes.ts'
import type { Visit } from '../visit.ts'
import { buildCloseFrame, closeCodes, FrameBoundary } from './frames.ts'

/** How long a frame that was begun may take to end, before the connection is broken instead, in milliseconds. */
const frameGrace = 200

/** How long one side may take to end when the other has, in milliseconds. */
const endGrace = 2000

/** What a tunnel is told when it is opened. */
export interface TunnelOptions {
  readonly client: Duplex
  readonly service: Duplex
  readonly visit: Visit
  /** The routes that it was let through by. */
  readonly table: RouteTable
  /** Ticks without a byte in either direction after which it is closed. */
  readonly idleTicks: number
  /** Called where it ends because it may not go on; answers with the id that the log knows it by. */
  readonly logRefusal: (denial: Denial) => string
  /** Called once, when both ends are gone. */
  readonly onClosed: () => void
}

/**
 * A client's connection and a service's, joined: what comes from one goes to the other, no faster than that takes it. When one
 * ends, so does the other. Cost: no copy; a few steps for each frame of the service.
 */
export class Tunnel implements Runs {
  slot = -1
  reviewAt = 0
  judgedBy: RouteTable
  readonly isStream = true
  readonly visit: Visit
  readonly #options: TunnelOptions
  readonly #boundary = new FrameBoundary()
  #quietTicks = 0
  #closing: Buffer | undefined = undefined
  #open = 2

  constructor(options: TunnelOptions) {
    this.#options = options
    this.visit = options.visit
    this.judgedBy = options.table
    const { client, service } = options
    client.on('data', (chunk: Buffer) => this.#passOn(client, service, chunk))
    service.on('data', (chunk: Buffer) => {
      this.#boundary.take(chunk)
      this.#passOn(service, client, chunk)
      this.#closeBetweenFrames()
    })
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      from.on('end', () => this.#endSoon(to))
      from.on('error', () => from.destroy())
      from.on('close', () => this.#onClosed(to))
    }
  }

  #passOn(from: Duplex, to: Duplex, chunk: Buffer): void {
    this.#quietTicks = 0
    if (to.destroyed || to.writableEnded || to.write(chunk)) return
    from.pause()
    to.once('drain', () => from.resume())
  }

  /** Called once per tick. */
  onTick(): void {
    this.#quietTicks += 1
    if (this.#quietTicks > this.#options.idleTicks) this.end(closeCodes.goingAway, 'idle')
  }

  /** Whom it was opened for is signed out: the client is told that it may not go on. */
  onRevoked(): void {
    this.end(closeCodes.policyViolation, 'session ended')
  }

  /** As for a revocation; with the id, since a close frame has room for it and a WebSocket no other answer. */
  endStream(denial: Denial): void {
    if (this.#closing !== undefined) return
    this.end(closeCodes.policyViolation, `${denial.code} (${this.#options.logRefusal(denial)})`)
  }

  /** The gateway stops. */
  stop(): void {
    this.end(closeCodes.goingAway, 'stopping')
  }

  /** Ends it with a close frame of ours, between two frames of the service; without one where its frame does not end. */
  end(code: number, reason: string): void {
    if (this.#closing !== undefined) return
    this.#closing = buildCloseFrame(code, reason)
    this.#closeBetweenFrames()
    setTimeout(() => this.#break(), frameGrace).unref()
  }

  #closeBetweenFrames(): void {
    const { client, service } = this.#options
    if (this.#closing === undefined || !this.#boundary.isBetween || client.writableEnded) return
    client.end(this.#closing)
    service.destroy()
  }

  #break(): void {
    this.#options.client.destroy()
    this.#options.service.destroy()
  }

  /** One side says no more: the other gets what is left, and a moment to end. A WebSocket does not live on one way. */
  #endSoon(other: Duplex): void {
    other.end()
    setTimeout(() => this.#break(), endGrace).unref()
  }

  /** One end is gone: what the other has still to be sent, it gets. */
  #onClosed(other: Duplex): void {
    this.#open -= 1
    if (this.#open === 0) this.#options.onClosed()
    else if (!other.writableEnded) other.destroy()
  }
}
