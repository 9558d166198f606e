/**
 * The requests of one set of routes that wait before they are sent: within a stage (for a session, a decider, a proof) or for their
 * body. When the routes change, they go on by those that they came under, and so do the upstreams that only those have.
 */
export class Undecided {
  #count = 0
  #onNone: (() => void)[] = []

  /** One more waits; {@link leave} once what comes after is done, or waits again. */
  enter(): void {
    this.#count += 1
  }

  leave(): void {
    this.#count -= 1
    if (this.#count === 0) for (const tell of this.#onNone.splice(0)) tell()
  }

  /** Waits for a stage and goes on. */
  async during(stage: () => Promise<void>): Promise<void> {
    this.enter()
    try {
      await stage()
    } finally {
      this.leave()
    }
  }

  /** Resolved when there is none. */
  none(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#onNone.push(resolve))
  }
}
