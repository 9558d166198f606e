/** What another process has said of a place. */
interface Told {
  readonly underWay: number
  /** The beat in which it was said. */
  readonly beat: number
}

/** Processes whose word on one place is kept. */
const mostProcesses = 64

/** The part of what a place may have by which its number may change before the others are told at once. */
const hurriedPart = 16

/** How many requests a place has under way, here and as far as the other processes have told. */
export class Occupancy {
  #here = 0
  #elsewhere = 0
  readonly #others = new Map<string, Told>()
  /** What the others were told last. */
  #told = 0
  #hurry: (() => void) | undefined
  #much = 1

  /** All that is known of. */
  get underWay(): number {
    return this.#here + this.#elsewhere
  }

  /** By one more, or one less. */
  move(by: 1 | -1): void {
    this.#here += by
    if (this.#hurry !== undefined && Math.abs(this.#here - this.#told) >= this.#much) this.#hurry()
  }

  /** From now on others are told. `hurry` is called where it fills or empties so fast that they should know at once. */
  share(most: number, hurry: () => void): void {
    this.#much = Math.ceil(most / hurriedPart)
    this.#hurry = hurry
  }

  /** What the others should be told: the number under way where it has changed, or, with `again`, where there is any. */
  tell(again: boolean, tell: (underWay: number) => boolean): void {
    const here = this.#here
    if ((here !== this.#told || (again && here > 0)) && tell(here)) this.#told = here
  }

  /** Another process says how many it has under way. */
  hear(from: string, underWay: number, beat: number): void {
    if (!this.#others.has(from) && this.#others.size >= mostProcesses) return
    if (underWay === 0) this.#others.delete(from)
    else this.#others.set(from, { underWay, beat })
    this.#count()
  }

  /** Forgets what was said before a beat and not again since: a process that has died holds nothing. */
  forgetBefore(beat: number): void {
    if (this.#others.size === 0) return
    for (const [from, told] of this.#others) if (told.beat < beat) this.#others.delete(from)
    this.#count()
  }

  #count(): void {
    this.#elsewhere = 0
    for (const { underWay } of this.#others.values()) this.#elsewhere += underWay
  }
}
