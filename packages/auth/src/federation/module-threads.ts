import { type ModuleCall, type ModuleStart, ModuleThread } from './module-thread.ts'
import { ProviderFailure } from './provider-failure.ts'

/** The most threads of one module, and the most calls that may wait for one. */
const mostThreads = 4
const mostWaiting = 100
/** For everything that one call needs: a thread that is free, loading the module, the call itself; in milliseconds. */
const wholeMs = 9500

/**
 * The threads of one module: each does one thing at a time, so that what goes wrong is the matter of one sign-in alone. A
 * thread in which something went wrong is gone; the next call gets a new one.
 */
export class ModuleThreads {
  readonly #module: ModuleStart
  readonly #limitMs: number
  readonly #idle: ModuleThread[] = []
  readonly #all = new Set<ModuleThread>()
  readonly #waiting: (() => void)[] = []
  #taken = 0
  #isClosed = false

  constructor({ module, limitMs }: { readonly module: ModuleStart; readonly limitMs: number }) {
    this.#module = module
    this.#limitMs = limitMs
  }

  /** Keeps a thread that has been started already. */
  keep(thread: ModuleThread): void {
    this.#all.add(thread)
    this.#idle.push(thread)
  }

  /** The JSON that the module answers to a call. Throws ProviderFailure. */
  async call(call: Omit<ModuleCall, 'id'>): Promise<string> {
    const deadline = performance.now() + wholeMs
    await this.#takePlace(deadline)
    let thread: ModuleThread | undefined
    try {
      thread = this.#takeIdle() ?? (await this.#start())
      return await thread.call(call, Math.max(1, Math.min(this.#limitMs, deadline - performance.now())))
    } finally {
      if (thread && !thread.isOver && !this.#isClosed) this.#idle.push(thread)
      else if (thread) this.#drop(thread)
      this.#taken -= 1
      this.#waiting.shift()?.()
    }
  }

  /** Ends all threads; what is under way fails. */
  close(): void {
    this.#isClosed = true
    for (const thread of this.#all) thread.end()
    this.#all.clear()
    this.#idle.length = 0
  }

  #takeIdle(): ModuleThread | undefined {
    for (let thread = this.#idle.pop(); thread; thread = this.#idle.pop()) {
      if (!thread.isOver) return thread
      this.#drop(thread)
    }
    return undefined
  }

  async #start(): Promise<ModuleThread> {
    if (this.#isClosed) throw new ProviderFailure('unavailable', 'Gatehouse is being stopped').at('unasked')
    const { thread } = await ModuleThread.start({ module: this.#module }).catch((error: unknown) => {
      throw error instanceof ProviderFailure ? error.at('unasked') : error
    })
    this.#all.add(thread)
    if (this.#isClosed) this.#drop(thread)
    return thread
  }

  #drop(thread: ModuleThread): void {
    this.#all.delete(thread)
    thread.end()
  }

  async #takePlace(deadline: number): Promise<void> {
    if (this.#taken >= mostThreads) await this.#wait(deadline - this.#limitMs)
    this.#taken += 1
  }

  /** Waits until a call is over, but not so long that no time is left for one's own. */
  #wait(deadline: number): Promise<void> {
    const busy = (): ProviderFailure =>
      new ProviderFailure('unavailable', 'too many calls of the module wait').at('crowded')
    if (this.#waiting.length >= mostWaiting) throw busy()
    return new Promise((resolve, reject) => {
      const go = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const giveUp = (): void => {
        const place = this.#waiting.indexOf(go)
        if (place >= 0) this.#waiting.splice(place, 1)
        reject(busy())
      }
      const timer = setTimeout(giveUp, Math.max(0, deadline - performance.now()))
      this.#waiting.push(go)
    })
  }
}
