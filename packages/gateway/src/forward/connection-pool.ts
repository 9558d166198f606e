import type { Dispatcher } from 'undici'

/** The connections to an upstream, whatever is spoken on them. */
export interface ConnectionPool {
  /** Sends a request, and tells its handler of everything that comes of it: at the end of `onComplete` or of `onError`. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): unknown
  /** Takes no more requests; resolved when those that it has are over. */
  close(): Promise<void>
  /** Breaks off what is running. */
  destroy(): Promise<void>
}
