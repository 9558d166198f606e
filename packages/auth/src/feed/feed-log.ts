import type { Revocation } from '@gatehouse/core/contracts'
import { buildRevokedFrame, entriesPerEvent } from './feed-frames.ts'

/** What came last, for readers who resume. */
export class FeedLog {
  readonly #limit: number
  #entries: Revocation[] = []
  /** Nothing after this number is missing here. */
  #from: number
  #last: number

  constructor(startsAfter: number, limit: number) {
    this.#from = startsAfter
    this.#last = startsAfter
    this.#limit = limit
  }

  /** The number up to which everything has been told. */
  get last(): number {
    return this.#last
  }

  /** Takes what was read, in its order. */
  add(entries: readonly Revocation[]): void {
    for (const entry of entries) this.#entries.push(entry)
    this.#last = entries.at(-1)?.seq ?? this.#last
    // Not at each entry: taking from the front of a long list moves the rest.
    if (this.#entries.length <= 2 * this.#limit) return
    const dropped = this.#entries.length - this.#limit
    this.#from = this.#entries[dropped - 1]?.seq ?? this.#from
    this.#entries = this.#entries.slice(dropped)
  }

  /** Whether somebody who has everything up to this number can be told the rest from here. */
  reachesBackTo(seq: number): boolean {
    return seq >= this.#from && seq <= this.#last
  }

  /** What came after a number, as events. */
  framesAfter(seq: number): readonly Buffer[] {
    let first = this.#entries.length
    while (first > 0 && (this.#entries[first - 1]?.seq ?? 0) > seq) first -= 1
    return buildFrames(this.#entries.slice(first))
  }
}

/** Entries in their order as events of a bounded size. */
export function buildFrames(entries: readonly Revocation[]): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let from = 0; from < entries.length; from += entriesPerEvent) {
    const part = entries.slice(from, from + entriesPerEvent)
    frames.push(buildRevokedFrame(part, part.at(-1)?.seq))
  }
  return frames
}
