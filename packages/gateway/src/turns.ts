/** How many are done in one turn of the event loop. */
const perTurn = 8

/**
 * Does what comes in heaps a few at a time, with everybody else's turn in between. A service that hangs has all of its requests
 * run out of time in one moment, and to answer them all at once would hold up those of every other service.
 */
export class Turns {
  #done = 0
  readonly #waiting: (() => void)[] = []

  /** Does it now, or in one of the next turns where enough has been done in this one; in the order in which they come. */
  run(task: () => void): void {
    if (this.#done === 0) setImmediate(() => this.#next())
    if (this.#done >= perTurn) {
      this.#waiting.push(task)
      return
    }
    this.#done += 1
    task()
  }

  #next(): void {
    this.#done = 0
    for (const task of this.#waiting.splice(0, perTurn)) this.run(task)
  }
}
