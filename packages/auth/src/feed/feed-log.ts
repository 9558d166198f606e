import type { Revocation } from '@gatehouse/core/contracts'
import { buildEventId, buildRevokedFrame, entriesPerEvent, parseEventId } from './feed-frames.ts'

/** What came last, for readers who resume. */
export class FeedLog {
  readonly #limit: number
  #entries: Revocation[] = []
  /** Nothing after this entry is missing here; undefined where there was none. */
  #from: Revocation | undefined
  #last: Revocation | undefined

  constructor(startsAfter: Revocation | undefined, limit: number) {
    this.#from = startsAfter
    this.#last = startsAfter
    this.#limit = limit
  }

  /** The number up to which everything has been told. */
  get last(): number {
    return this.#last?.seq ?? 0
  }

  /** What the feed calls that. */
  get lastId(): string {
    return buildEventId(this.#last)
  }

  /** Takes what was read, in its order. */
  add(entries: readonly Revocation[]): void {
    for (const entry of entries) this.#entries.push(entry)
    this.#last = entries.at(-1) ?? this.#last
    // Not at each entry: taking from the front of a long list moves the rest.
    if (this.#entries.length <= 2 * this.#limit) return
    const dropped = this.#entries.length - this.#limit
    this.#from = this.#entries[dropped - 1] ?? this.#from
    this.#entries = this.#entries.slice(dropped)
  }

  /** Whether somebody who has everything up to this number of this log can be told the rest from here. */
  reachesBackTo(seq: number): boolean {
    return seq >= (this.#from?.seq ?? 0) && seq <= this.last
  }

  /**
   * The number of the entry that an id names; undefined where the rest cannot be told from here, also since the entry of that
   * number is another one: then the id is of a database that is lost, and what came before it may be, too.
   */
  find(id: string): number | undefined {
    const seq = parseEventId(id)
    if (!this.reachesBackTo(seq)) return undefined
    const entry = this.#from?.seq === seq ? this.#from : this.#entries.findLast((known) => known.seq === seq)
    return buildEventId(entry) === id ? seq : undefined
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
    frames.push(buildRevokedFrame(part, buildEventId(part.at(-1))))
  }
  return frames
}
