/** A request that a service has not looked at, and says so: it may be sent once more, whatever it asks for. */
class Unprocessed extends Error {
  constructor(cause: Error) {
    super(`the service has not taken it: ${cause.message}`, { cause })
  }
}

/** REFUSED_STREAM, which is also how a stream ends that a GOAWAY leaves out. Spec: RFC 9113 sections 6.8, 7 and 8.7. */
const refusedStream = 7

/** What is thrown where a connection takes no stream any more: nothing has been sent on it. */
const beforeSending: ReadonlySet<unknown> = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
])

/** What became of a stream, by what it can be known that nobody has looked at its request. */
interface FailedStream {
  /** The code that it was reset with; absent where it was never opened. */
  readonly rstCode?: number | undefined
  readonly id?: number | undefined
  /** The last stream that the service has taken on this connection, as its GOAWAY says; absent without one. */
  readonly lastTaken: number | undefined
}

/** The failure of a stream that has had no answer, told as what it means. Spec: RFC 9113 section 8.7. */
export function tellFailure(error: Error, { rstCode, id, lastTaken }: FailedStream): Error {
  const isLeftOut = id !== undefined && lastTaken !== undefined && id > lastTaken
  const wasNeverSent = id === undefined && 'code' in error && beforeSending.has(error.code)
  return rstCode === refusedStream || isLeftOut || wasNeverSent ? new Unprocessed(error) : error
}

/** Whether a failure says that. */
export const isUnprocessed = (error: Error): boolean => error instanceof Unprocessed
