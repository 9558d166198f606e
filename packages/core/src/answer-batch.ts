/** An answer that has begun to come, or is complete, and only has to be sent. */
export interface Ready {
  /** Sends what there is of it. Never throws. */
  finish(): void
}

/** How many answers wait for each other at most. */
const limit = 16

/**
 * Sends the answers that become complete in one turn of the event loop together, at the end of that turn or as soon as
 * there are sixteen. A write that finds its reader asleep has to wake it, and that costs several times the write itself:
 * of answers that leave right after each other only the first one does.
 */
export class AnswerBatch {
  #ready: Ready[] = []

  /** Takes a complete answer. */
  add(answer: Ready): void {
    this.hold(answer)
    this.completed()
  }

  /** Takes an answer that has only begun: what there is of it leaves at the end of this turn at the latest. */
  hold(answer: Ready): void {
    this.#ready.push(answer)
    if (this.#ready.length === 1) setImmediate(sendAll, this)
  }

  /** One that was held has become complete. */
  completed(): void {
    if (this.#ready.length >= limit) this.send()
  }

  /** Sends what there is. */
  send(): void {
    const ready = this.#ready
    this.#ready = []
    for (const answer of ready) answer.finish()
  }
}

function sendAll(batch: AnswerBatch): void {
  batch.send()
}
