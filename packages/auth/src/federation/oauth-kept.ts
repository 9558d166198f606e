import type { Clock } from '@gatehouse/core/time'

/** Something that a provider publishes and that we keep. */
export interface Kept<T> {
  /**
   * It, not older than so many milliseconds, unless the provider cannot be asked or has just been asked: then the one that
   * was good last. Throws what kept it from being had.
   * Cost: a request where it is too old, at most one in 30 s; requests at one time are one request.
   */
  get(atMostOld?: number): Promise<T>
}

/** Milliseconds. */
const pauseWithOne = 30_000
const pauseWithNone = 2_000

/** Keeps what `load` gives: usually for `freshFor`, and while loading fails for `usableFor`. */
export function keep<T>(
  load: () => Promise<T>,
  { clock, freshFor, usableFor }: { readonly clock: Clock; readonly freshFor: number; readonly usableFor: number },
): Kept<T> {
  let good: { readonly value: T; readonly at: number } | undefined
  let failure: unknown
  let triedAt = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined

  const tryLoad = async (): Promise<void> => {
    triedAt = clock.milliseconds()
    try {
      good = { value: await load(), at: clock.milliseconds() }
      failure = undefined
    } catch (error) {
      failure = error
    } finally {
      underWay = undefined
    }
  }

  return {
    async get(atMostOld = freshFor) {
      const now = clock.milliseconds()
      if (good && now - good.at < atMostOld) return good.value
      if (underWay || now - triedAt >= (good ? pauseWithOne : pauseWithNone)) {
        underWay ??= tryLoad()
        await underWay
      }
      if (good && clock.milliseconds() - good.at < usableFor) return good.value
      throw failure
    },
  }
}
