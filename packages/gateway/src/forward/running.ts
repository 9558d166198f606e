/** What can be kept in {@link Running}. */
export interface Runs {
  /** Its place there; -1 = not there. Written by {@link Running} only. */
  slot: number
  /** Called once per tick. */
  onTick(): void
  /** Called when the gateway stops, where it would not end by itself. */
  stop?(): void
}

/**
 * What is running now. Adding and removing cost a few stores, and nothing that was removed is held on to. (A Set that
 * grows and shrinks with every request keeps its former tables linked, and through them dead requests alive until the
 * next full collection, which doubled the time for garbage collection.)
 */
export class Running {
  readonly #members: Runs[] = []

  /** How many there are. */
  get size(): number {
    return this.#members.length
  }

  add(member: Runs): void {
    member.slot = this.#members.length
    this.#members.push(member)
  }

  /** Removes a member; without effect where it is not there. */
  remove(member: Runs): void {
    if (member.slot === -1) return
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      this.#members[member.slot] = last
      last.slot = member.slot
    }
    member.slot = -1
  }

  /** Tells every member that the gateway stops. */
  stop(): void {
    for (let index = this.#members.length - 1; index >= 0; index -= 1) this.#members[index]?.stop?.()
  }

  /** One tick for every member; members may be removed meanwhile. */
  tick(): void {
    // From the end, since removing moves the last member to a place that was visited or is being visited.
    for (let index = this.#members.length - 1; index >= 0; index -= 1) this.#members[index]?.onTick()
  }
}
