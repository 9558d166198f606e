import type { RequestBody } from './request-body.ts'
import type { Upstream } from './upstream.ts'

/**
 * The wait for enough of a request's body, before a connection to the service is used for it. A client that sends slowly would
 * keep that connection for as long, and a thousand of them, which cost nobody anything, would keep all of them from everybody.
 *
 * A body that says how long it is waits until all of it has come, or as much as is read ahead ({@link RequestBody.hasEnough}); any
 * other goes on as it comes. What has not come whole gets at most half of the connections: see {@link Upstream.unfinished}.
 */
export class BodyWait {
  readonly #upstream: Upstream
  readonly #body: RequestBody
  readonly #send: () => void
  #state: 'waiting' | 'unfinished' | 'over' = 'waiting'

  /** `send` is called once, perhaps at once. */
  constructor(upstream: Upstream, body: RequestBody, send: () => void) {
    this.#upstream = upstream
    this.#body = body
    this.#send = send
    upstream.expect()
    body.onProgress = () => this.look()
    this.look()
  }

  /** Whether it has not been sent. */
  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  /** Sends it where that is due. To be called once per tick: whether a connection is free for it, nobody else says. */
  look(): void {
    const { isWhole } = this.#body
    if (this.#state === 'unfinished') {
      if (isWhole) this.end()
    } else if (this.#state === 'waiting' && this.#body.hasEnough && (isWhole || this.#upstream.takesUnfinished)) {
      this.#upstream.expected()
      if (!isWhole) this.#upstream.unfinished += 1
      this.#state = isWhole ? 'over' : 'unfinished'
      this.#send()
    }
  }

  /** The request is over, sent or not. */
  end(): void {
    if (this.#state === 'waiting') this.#upstream.expected()
    else if (this.#state === 'unfinished') this.#upstream.unfinished -= 1
    this.#state = 'over'
  }
}
