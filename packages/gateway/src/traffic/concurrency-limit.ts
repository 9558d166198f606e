/** How many requests one place has at once, and how many it may have. */
export class ConcurrencyLimit {
  readonly most: number
  /** The service, or the route, by which it is known again in another route table. */
  readonly place: string
  #under: { way: number } = { way: 0 }

  constructor(most: number, place: string) {
    this.most = most
    this.place = place
  }

  get isFull(): boolean {
    return this.#under.way >= this.most
  }

  enter(): void {
    this.#under.way += 1
  }

  leave(): void {
    this.#under.way -= 1
  }

  /** Counts those among its own that are under way by another table's limit of the same place. */
  inherit(before: ConcurrencyLimit): void {
    this.#under = before.#under
  }
}
