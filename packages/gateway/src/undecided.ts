/**
 * The requests of one set of routes that wait within a stage: for a session, a decider, a proof. When the routes change, they go on by
 * those that they came under, and so do the upstreams that only those have.
 */
export class Undecided {
  #count = 0
  #onNone: (() => void)[] = []

  /** Waits for a stage and goes on; counted until what comes after it is done, or waits again. */
  async during(stage: () => Promise<void>): Promise<void> {
    this.#count += 1
    try {
      await stage()
    } finally {
      this.#count -= 1
      if (this.#count === 0) for (const tell of this.#onNone.splice(0)) tell()
    }
  }

  /** Resolved when there is none. */
  none(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#onNone.push(resolve))
  }
}
