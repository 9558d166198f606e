/** How many of the last refusals are remembered for each group of providers. */
const remembered = 16
/** Milliseconds that anybody waits at the most. */
const longest = 2000

/**
 * How long providers of passwords have lately taken to refuse one. Whoever is refused without their being asked waits as long
 * as one of those who were: otherwise the time would tell which names have a password here.
 */
export interface AskingTimes {
  /** Providers, by their names, took so many milliseconds to refuse a password. */
  note(providers: readonly string[], milliseconds: number): void
  /** Waits as long as one of the last refusals by the same providers took, two seconds at most; not at all before the first. */
  waitLike(providers: readonly string[]): Promise<void>
}

export function createAskingTimes(): AskingTimes {
  const taken = new Map<string, number[]>()
  const keyOf = (providers: readonly string[]): string => providers.join(' ')
  return {
    note(providers, milliseconds) {
      const times = taken.get(keyOf(providers)) ?? []
      times.push(Math.min(milliseconds, longest))
      if (times.length > remembered) times.shift()
      taken.set(keyOf(providers), times)
    },
    async waitLike(providers) {
      const times = taken.get(keyOf(providers))
      const time = times?.[Math.floor(Math.random() * times.length)]
      if (time !== undefined) await new Promise((resolve) => setTimeout(resolve, time))
    },
  }
}
