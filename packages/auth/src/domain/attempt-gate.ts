import { buildUnavailable } from '@gatehouse/core/errors'

/**
 * How long a try waits for others, in milliseconds. How many wait under one key is not bounded by itself: that may be an office, and
 * whoever is refused at once comes again at once, which costs more than to let them wait.
 */
const patience = 5000

/** How many tries may run at a time under a key. */
export interface Room {
  readonly key: string
  readonly room: number
}

/**
 * Lets only so many tries at one thing run at the same time as may still fail. Parallel tries then cannot all slip under a
 * limit that is counted when they fail, and tries that succeed only wait a little for each other.
 */
export class AttemptGate {
  readonly #running = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()
  readonly #mayWait: number
  #waitingInAll = 0

  constructor(mayWait: number) {
    this.#mayWait = mayWait
  }

  /** Enters where there is room under every key; else answers with what is full, and enters none. */
  enter(rooms: readonly Room[]): Room | undefined {
    const full = rooms.find((room) => this.#isFull(room))
    if (full !== undefined) return full
    for (const { key } of rooms) this.#running.set(key, (this.#running.get(key) ?? 0) + 1)
    return undefined
  }

  /**
   * Resolves when somebody has left, at once where somebody has since it was full. `since`: when the try came, by
   * `performance.now()`. Error: `temporarily_unavailable` where too many wait already, and where it takes too long.
   */
  async waitFor(full: Room, since: number): Promise<void> {
    if (!this.#isFull(full)) return
    const { key } = full
    const waiting = this.#waiting.get(key) ?? []
    const left = since + patience - performance.now()
    if (this.#waitingInAll >= this.#mayWait || left <= 0) throw buildUnavailable()
    this.#waiting.set(key, waiting)
    this.#waitingInAll += 1
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(woken), 1)
          this.#forget(key)
          reject(buildUnavailable(new Error('too many tries at the same wait for each other')))
        }, left)
        const woken = () => {
          clearTimeout(timer)
          resolve()
        }
        waiting.push(woken)
      })
    } finally {
      this.#waitingInAll -= 1
    }
  }

  /** Lets one that waits under a key look again. One that was woken passes this on, unless it has to wait again. */
  wake(key: string): void {
    const next = this.#waiting.get(key)?.shift()
    this.#forget(key)
    next?.()
  }

  #isFull({ key, room }: Room): boolean {
    return (this.#running.get(key) ?? 0) >= room
  }

  #forget(key: string): void {
    if (this.#waiting.get(key)?.length === 0) this.#waiting.delete(key)
  }

  /** Leaves what was entered. */
  leave(keys: readonly string[]): void {
    for (const key of keys) {
      const left = (this.#running.get(key) ?? 1) - 1
      if (left === 0) this.#running.delete(key)
      else this.#running.set(key, left)
      this.wake(key)
    }
  }
}
