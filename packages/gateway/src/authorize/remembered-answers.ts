/** Answers by key, each for as long as it counts, and so many at the most: the oldest goes first. Times are milliseconds. */
export class RememberedAnswers<Answer> {
  readonly #most: number
  readonly #entries = new Map<string, { readonly answer: Answer; readonly from: number; readonly until: number }>()

  constructor(most: number) {
    this.#most = most
  }

  /** How many are held. */
  get size(): number {
    return this.#entries.size
  }

  find(key: string, now: number): Answer | undefined {
    const entry = this.#entries.get(key)
    // One from a time that is still to come would count for as long as the clock was put back.
    if (entry === undefined || (now >= entry.from && now < entry.until)) return entry?.answer
    this.#entries.delete(key)
    return undefined
  }

  remember(key: string, answer: Answer, { from, until }: { readonly from: number; readonly until: number }): void {
    this.#entries.delete(key)
    const oldest = this.#entries.size >= this.#most ? this.#entries.keys().next().value : undefined
    if (oldest !== undefined) this.#entries.delete(oldest)
    this.#entries.set(key, { answer, from, until })
  }
}
