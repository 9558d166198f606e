import type { Undecided } from '../undecided.ts'
import type { RequestBody } from './request-body.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamSet } from './upstream-set.ts'

/** Whose body it is, and where it goes. */
export interface BodyWaitOptions {
  readonly body: RequestBody
  /** What its client counts as: see `addressKey`. */
  readonly client: string
  readonly upstreams: UpstreamSet
  /** Among which it waits. */
  readonly undecided: Undecided
  /** Called once, perhaps at once: sends it, and answers with where it went; absent = nowhere. */
  readonly send: () => Upstream | undefined
}

/**
 * The wait for enough of a request's body, before a connection to the service is used for it. A client that sends slowly would
 * keep that connection for as long, and a thousand of them, which cost nobody anything, would keep all of them from everybody.
 *
 * A body that says how long it is waits until all of it has come, or as much as is read ahead ({@link RequestBody.hasEnough}); any
 * other goes on as it comes. What has not come whole gets a part of the connections only: see {@link Upstream.takesUnfinished}.
 */
export class BodyWait {
  readonly #options: BodyWaitOptions
  #state: 'waiting' | 'unfinished' | 'over' = 'waiting'
  #upstream: Upstream | undefined = undefined

  constructor(options: BodyWaitOptions) {
    this.#options = options
    options.undecided.enter()
    options.body.onProgress = () => this.look()
    this.look()
  }

  /** Whether it has not been sent. */
  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  /** Sends it where that is due. To be called once per tick: whether a connection is free for it, nobody else says. */
  look(): void {
    const { body, client, upstreams, send } = this.#options
    const { isWhole } = body
    if (this.#state === 'unfinished') {
      if (isWhole) this.end()
    } else if (this.#state === 'waiting' && body.hasEnough && (isWhole || upstreams.takesUnfinished(client))) {
      this.#state = isWhole ? 'over' : 'unfinished'
      const upstream = send()
      // Sending may have ended it already.
      if (upstream !== undefined && this.#state === 'unfinished') {
        upstream.beginUnfinished(client)
        this.#upstream = upstream
      }
      this.#options.undecided.leave()
    }
  }

  /** The request is over, sent or not. */
  end(): void {
    if (this.#state === 'waiting') this.#options.undecided.leave()
    this.#state = 'over'
    this.#upstream?.endUnfinished(this.#options.client)
    this.#upstream = undefined
  }
}
