import { GatehouseError } from '@gatehouse/core/errors'

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

  /** Enters where there is room under every key; else answers with the key that is full, and enters none. */
  enter(rooms: readonly { readonly key: string; readonly room: number }[]): string | undefined {
    for (const { key, room } of rooms) if ((this.#running.get(key) ?? 0) >= room) return key
    for (const { key } of rooms) this.#running.set(key, (this.#running.get(key) ?? 0) + 1)
    return undefined
  }

  /** Resolves when somebody has left. Error: `temporarily_unavailable` where too many wait already. */
  async waitFor(key: string): Promise<void> {
    if (this.#waitingInAll >= this.#mayWait) throw new GatehouseError('temporarily_unavailable', { retryAfter: 2 })
    this.#waitingInAll += 1
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(key)
      if (waiting) waiting.push(resolve)
      else this.#waiting.set(key, [resolve])
    })
    this.#waitingInAll -= 1
  }

  /** Lets one that waits under a key look again. One that was woken passes this on, unless it has to wait again. */
  wake(key: string): void {
    const waiting = this.#waiting.get(key)
    const next = waiting?.shift()
    if (waiting?.length === 0) this.#waiting.delete(key)
    next?.()
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
