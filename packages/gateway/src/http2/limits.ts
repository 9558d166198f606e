import type { ServerOptions } from 'node:http2'

/** What one connection may cost; the defaults are meant to be right. Times are milliseconds. */
export interface Http2Limits {
  /** Streams that are cut before their answer is whole, by the client or for what it sends, and soon after they were opened. */
  readonly resets: { readonly burst: number; readonly perSecond: number }
  /** Until when that is soon. Who waits longer is held to the streams at a time: a deadline that has passed is no flood. */
  readonly soon: number
  /** PING and SETTINGS frames. */
  readonly controls: { readonly burst: number; readonly perSecond: number }
  /** Until the first stream. */
  readonly firstStream: number
  /** Without a stream, after the last one. */
  readonly idle: number
  /** For which a client may leave alone what is left of a finished answer. */
  readonly unread: number
  /** For which a connection is kept that is closed here and not there. */
  readonly linger: number
  /** Between two looks at all connections. */
  readonly tick: number
}

/** As on HTTP/1.1, where there is such a limit: 15 s for headers, 60 s between two requests, 60 s for a reader that stands still. */
export const defaultLimits: Http2Limits = {
  resets: { burst: 200, perSecond: 20 },
  soon: 100,
  controls: { burst: 200, perSecond: 20 },
  firstStream: 15_000,
  idle: 60_000,
  unread: 60_000,
  linger: 1000,
  tick: 1000,
}

/**
 * What node:http2 and nghttp2 hold a connection to by themselves. A header list above its size or its number of fields costs its
 * stream, where the client has acknowledged the size (`readRequestHead` holds everybody to it); more streams than may be at
 * once are refused, and a connection that goes on opening them ends; so does one with
 * too many frames that are invalid or empty. Nghttp2 takes at most eight CONTINUATION frames, and a thousand acknowledgements
 * that nobody fetches. A body waits in the window of its stream, 64 KiB each.
 */
export const sessionOptions = {
  maxHeaderListPairs: 256,
  maxSessionInvalidFrames: 100,
  maxSettings: 16,
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 16_384, initialWindowSize: 65_535, enablePush: false },
} as const satisfies ServerOptions
