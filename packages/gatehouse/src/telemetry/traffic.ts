/** Milliseconds over which the rate is taken: few, since traffic that begins waits for so long until others make room for it. */
const window = 25

/** Counts requests and knows their rate. */
export interface Traffic {
  count(): void
  /** Requests per second, over the last fortieth of a second that is complete. */
  readonly perSecond: number
}

/** Cost of counting: an addition; of asking: a look at the clock. */
export function createTraffic(milliseconds: () => number = () => performance.now()): Traffic {
  let counted = 0
  let since = milliseconds()
  let rate = 0
  return {
    count() {
      counted += 1
    },
    get perSecond() {
      const passed = milliseconds() - since
      if (passed >= window) {
        rate = (counted * 1000) / passed
        counted = 0
        since += passed
      }
      return rate
    },
  }
}
