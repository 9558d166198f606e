import { Occupancy } from './occupancy.ts'

/** How many requests one place has at once, and how many it may have. */
export class ConcurrencyLimit {
  readonly most: number
  /** The service, or the route, by which it is known again in another route table and in other processes. */
  readonly place: string
  #occupancy = new Occupancy()

  constructor(most: number, place: string) {
    this.most = most
    this.place = place
  }

  get isFull(): boolean {
    return this.#occupancy.underWay >= this.most
  }

  /** What other processes are told of, and tell. */
  get occupancy(): Occupancy {
    return this.#occupancy
  }

  enter(): void {
    this.#occupancy.move(1)
  }

  leave(): void {
    this.#occupancy.move(-1)
  }

  /** Counts those among its own that are under way by another table's limit of the same place. */
  inherit(before: ConcurrencyLimit): void {
    this.#occupancy = before.#occupancy
  }
}
