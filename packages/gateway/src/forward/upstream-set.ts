import type { Upstream } from './upstream.ts'

/** The upstreams of one service, taken in turn. */
export class UpstreamSet {
  readonly #upstreams: readonly Upstream[]
  #turn = 0

  constructor(upstreams: readonly Upstream[]) {
    this.#upstreams = upstreams
  }

  /**
   * The next upstream that can be used, round robin; with `except`, another one than that. Where all are paused, the
   * one that may be tried again; absent where there is none. `now` in milliseconds.
   */
  take(now: number, except?: Upstream): Upstream | undefined {
    const upstreams = this.#upstreams
    for (let step = 0; step < upstreams.length; step += 1) {
      const upstream = upstreams[this.#turn % upstreams.length]
      this.#turn = (this.#turn + 1) % upstreams.length
      if (upstream !== undefined && upstream !== except && upstream.take(now)) return upstream
    }
    return upstreams.find((upstream) => upstream !== except && upstream.takeAsLastResort(now))
  }
}
