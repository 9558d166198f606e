import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** What of forwarding can be tuned; the defaults are meant to be right. */
export interface ForwardTuning {
  /** Connections per upstream. */
  readonly connections: number
  /** Connections per upstream that speaks HTTP/2, with a hundred requests on each. */
  readonly sessions: number
  /** Requests that may wait for a connection of one upstream; more are answered 503. */
  readonly queue: number
  /** Ticks that a request may wait for a connection, beyond the time for making one. */
  readonly queueTicks: number
  /** Consecutive failures to connect after which an upstream is left alone for a while. */
  readonly failures: number
  /** Milliseconds of the first such while; doubled up to the last. */
  readonly firstPause: number
  readonly lastPause: number
  /** Milliseconds after which an upstream's name is resolved again. */
  readonly resolveAfter: number
  /** Milliseconds between two looks at what is running: one tick. */
  readonly tick: number
  /** Ticks without a byte of a request's body after which it is given up. */
  readonly bodyIdleTicks: number
  /** Bytes per tick that a body must bring on average, once those ticks have passed. */
  readonly minimumRate: number
  /** Ticks for which a client may not take what it was sent. */
  readonly stallTicks: number
  /** Ticks without a byte in either direction after which a WebSocket is closed. */
  readonly tunnelIdleTicks: number
  /** Ticks that an answer gets which has not begun when its token is revoked. */
  readonly revokedTicks: number
  /** Milliseconds that running requests get when the gateway closes. */
  readonly drain: number
  readonly lookup: LookupFunction
}

/** The defaults: ticks are seconds. */
export const defaultTuning: ForwardTuning = {
  connections: 1024,
  sessions: 8,
  queue: 1024,
  queueTicks: 10,
  failures: 3,
  firstPause: 1000,
  lastPause: 16_000,
  resolveAfter: 30_000,
  tick: 1000,
  bodyIdleTicks: 30,
  minimumRate: 500,
  stallTicks: 60,
  tunnelIdleTicks: 3600,
  revokedTicks: 5,
  drain: 10_000,
  lookup,
}
