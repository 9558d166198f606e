/** How many of the last refusals are remembered for each provider. */
const remembered = 16
/** Milliseconds that anybody waits at the most. */
const longest = 2000

/**
 * How long providers of passwords have lately taken to refuse one. Whoever is refused without their being asked waits as long
 * as one of those who were: otherwise the time would tell which names have a password here.
 */
export interface AskingTimes {
  /** A provider, by its name, took so many milliseconds to refuse a password. */
  note(provider: string, milliseconds: number): void
  /**
   * Waits as long as these providers, one after the other, took for one of their last refusals each, two seconds at most; not at
   * all for one that has not refused any.
   */
  waitLike(providers: readonly string[]): Promise<void>
}

export function createAskingTimes(): AskingTimes {
  const taken = new Map<string, number[]>()
  const drawOf = (provider: string): number => {
    const times = taken.get(provider)
    return times?.[Math.floor(Math.random() * times.length)] ?? 0
  }
  return {
    note(provider, milliseconds) {
      const times = taken.get(provider) ?? []
      times.push(milliseconds)
      if (times.length > remembered) times.shift()
      taken.set(provider, times)
    },
    async waitLike(providers) {
      const time = providers.reduce((sum, provider) => sum + drawOf(provider), 0)
      if (time > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(time, longest)))
    },
  }
}
