import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds between two steps: whoever waits for a SQLite database looks again only every so often. */
const pause = 20

/** How something is done in steps. */
interface Steps {
  /** Rows of one step. */
  readonly size: number
  /** Steps at the most; left out: as many as it takes. */
  readonly most?: number
}

/**
 * Does something to many rows in steps, until one has found fewer than it might have taken: with a pause between two, so that
 * others have their turn.
 */
export async function inSteps(
  { size, most = Number.POSITIVE_INFINITY }: Steps,
  step: (limit: number) => Promise<number>,
): Promise<void> {
  for (let round = 0; round < most; round += 1) {
    if (round > 0) await delay(pause)
    if ((await step(size)) < size) return
  }
}
