import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'

/** How to work on many things in one go. */
export interface BatchOptions<Item, Outcome> {
  /** Works on all items at once: one outcome for each, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Outcome[]>
  /** Batches under way at a time. */
  readonly maxInFlight: number
  /** Items in one batch. */
  readonly maxItems: number
  /** Items that wait or are worked on; past it they are refused. Default 10,000. */
  readonly maxWaiting?: number
}

interface Entry<Item, Outcome> {
  readonly item: Item
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/**
 * Collects the items that arrive in one tick, and while as many batches as allowed are under way, into one batch. What
 * fails a batch rejects each of its items. Past the bound: temporarily_unavailable.
 */
export function createBatch<Item, Outcome>(options: BatchOptions<Item, Outcome>): (item: Item) => Promise<Outcome> {
  const { run, maxInFlight, maxItems, maxWaiting = 10_000 } = options
  let waiting: Entry<Item, Outcome>[] = []
  let unanswered = 0
  let inFlight = 0
  let scheduled = false

  const work = async (entries: readonly Entry<Item, Outcome>[]) => {
    inFlight += 1
    try {
      const outcomes = await run(entries.map((entry) => entry.item))
      if (outcomes.length !== entries.length) throw new GatehouseError('server_error')
      // The lengths were just compared.
      for (const [index, entry] of entries.entries()) entry.resolve(outcomes[index] as Outcome)
    } catch (error) {
      for (const entry of entries) entry.reject(error)
    } finally {
      inFlight -= 1
      unanswered -= entries.length
      if (waiting.length > 0) schedule()
    }
  }
  const send = () => {
    scheduled = false
    while (waiting.length > 0 && inFlight < maxInFlight) {
      const entries = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      void work(entries)
    }
  }
  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(send)
  }
  return (item) =>
    new Promise((resolve, reject) => {
      if (unanswered >= maxWaiting) {
        const cause = new Error(`More than ${maxWaiting} are waiting`)
        return reject(buildUnavailable(cause))
      }
      unanswered += 1
      waiting.push({ item, resolve, reject })
      schedule()
    })
}
