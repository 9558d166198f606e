/** An order of the shop. */
export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  /** Who placed it. */
  readonly placed_by: string
}

/** Orders live in memory; when so many are there, the oldest makes room. */
const maxOrders = 1000

/** The orders of the shop: its API, its pages and its live list all look here. */
export class OrderBook {
  readonly #orders = new Map<string, Order>()
  readonly #watchers = new Set<(order: Order) => void>()
  #lastNumber = 0

  constructor() {
    this.add('lamp', 2, 'usr_example')
  }

  add(item: string, quantity: number, placed_by: string): Order {
    this.#lastNumber += 1
    const order = { id: String(this.#lastNumber), item, quantity, placed_by }
    this.#orders.set(order.id, order)
    const [oldest] = this.#orders.keys()
    if (this.#orders.size > maxOrders && oldest !== undefined) this.#orders.delete(oldest)
    for (const watcher of this.#watchers) watcher(order)
    return order
  }

  find(id: string): Order | undefined {
    return this.#orders.get(id)
  }

  list(): Order[] {
    return [...this.#orders.values()]
  }

  /** Calls back for each order that is added from now on; the answer ends that. */
  watch(watcher: (order: Order) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }
}

/** Whether something can be an order's item. */
export const isItem = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 100

/** Whether something can be an order's quantity. */
export const isQuantity = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 1e6
