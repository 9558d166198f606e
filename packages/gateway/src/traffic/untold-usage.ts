import type { Bucket, BucketNotes } from './buckets.ts'

/** A bucket whose key has taken something here since the others were told last. */
interface Entry {
  /** The limit, as all processes call it. */
  readonly limit: string
  readonly burst: number
  readonly bucket: Bucket
}

/** Keys that can wait to be told. */
const mostWaiting = 4096

/** The part of a bucket that may be taken before the others are told at once. */
const hurriedPart = 16

/**
 * What was taken here and the other processes have not been told. Bounded: while {@link mostWaiting} keys wait, what others
 * take is never told, and held here alone. Cost for a request: an addition, for a key's first since it was told an object.
 */
export class UntoldUsage {
  readonly #most: number
  readonly #hurry: () => void
  #entries: Entry[] = []

  /** `hurry` is called where a key uses up so much that the others should know at once. */
  constructor(hurry: () => void, most = mostWaiting) {
    this.#hurry = hurry
    this.#most = most
  }

  /** Notes for the buckets of one limit. */
  notesOf(limit: string, burst: number): BucketNotes {
    const much = Math.ceil(burst / hurriedPart)
    return {
      taken: (bucket) => {
        if (!bucket.listed) {
          if (this.#entries.length >= this.#most) return
          bucket.listed = true
          this.#entries.push({ limit, burst, bucket })
        }
        bucket.untold += 1
        if (bucket.untold >= much) this.#hurry()
      },
    }
  }

  /**
   * Tells what there is until `tell` says that it takes no more; the rest waits, and takes more meanwhile. Those come first
   * that have taken the most of what they may have. Cost: a sort.
   */
  tellAll(tell: (limit: string, key: string, tokens: number) => boolean): void {
    this.#entries.sort((one, other) => weightOf(other) - weightOf(one))
    let told = 0
    for (const { limit, bucket } of this.#entries) {
      if (bucket.untold > 0 && !tell(limit, bucket.key, bucket.untold)) break
      bucket.untold = 0
      bucket.listed = false
      told += 1
    }
    this.#entries = this.#entries.slice(told)
  }
}

const weightOf = ({ burst, bucket }: Entry): number => bucket.untold / burst
