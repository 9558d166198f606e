import { GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result, Runner } from '../runner.ts'
import type { TransactionSession } from '../transaction.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { answerItems, buildWork, type Item, monotonic, rejectItems } from './statement-items.ts'
import { lockPatience, type WorkerThread } from './worker-thread.ts'

/** Most statements in one message, and so in one transaction. */
const batchLimit = 500
/** Messages that the worker has at a time: one to work on and one to go on with. */
const messagesInFlight = 2
/** Most statements that wait or are being worked on; past it they are refused. */
const queueLimit = 10_000

interface Opening {
  /** Takes the connection for a transaction. */
  readonly open: () => void
}

/**
 * Groups single statements: those issued in one tick go in one message, which the worker runs in one transaction. Since
 * an explicit transaction has the connection for itself, what arrives meanwhile waits and goes as the next batch.
 */
export class StatementQueue implements Runner {
  readonly #thread: WorkerThread
  #waiting: (Item | Opening)[] = []
  /** When the oldest that waits was issued. */
  #since = 0
  #unanswered = 0
  #messages = 0
  #scheduled = false
  #inTransaction = false
  #closed = false
  #idle: (() => void) | undefined

  constructor(thread: WorkerThread) {
    this.#thread = thread
  }

  run(query: Query): Promise<Result> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) reject(refusal)
      else this.#enqueue({ query, resolve, reject })
    })
  }

  /** Waits for its turn and then has the connection until the session ends. */
  openTransaction(begin: 'immediate' | 'exclusive', patience: number = lockPatience): Promise<TransactionSession> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) return reject(refusal)
      const over = () => {
        this.#inTransaction = false
        this.#unanswered -= 1
        this.#settle()
      }
      const since = monotonic()
      this.#enqueue({ open: () => resolve(new SqliteTransaction(this.#thread, { begin, patience, since, over })) })
    })
  }

  /** Takes no more, and resolves when everything has been answered. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#unanswered === 0) return
    await new Promise<void>((resolve) => {
      this.#idle = resolve
    })
  }

  #refusal(): GatehouseError | undefined {
    if (!this.#closed && this.#unanswered < queueLimit) return undefined
    const cause = new Error(this.#closed ? 'The store is closed' : `More than ${queueLimit} statements are waiting`)
    return new GatehouseError('temporarily_unavailable', { cause, retryAfter: 1 })
  }

  #enqueue(entry: Item | Opening): void {
    if (this.#waiting.length === 0) this.#since = monotonic()
    this.#waiting.push(entry)
    this.#unanswered += 1
    this.#schedule()
  }

  /** Sends at the end of the tick, when every socket that had something to say has been heard. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    while (!this.#inTransaction && this.#messages < messagesInFlight) {
      const head = this.#waiting[0]
      if (!head) return
      if ('open' in head) {
        this.#waiting.shift()
        this.#inTransaction = true
        head.open()
        return
      }
      this.#sendBatch(this.#takeItems())
    }
  }

  #takeItems(): Item[] {
    const items: Item[] = []
    for (const entry of this.#waiting) {
      if ('open' in entry || items.length === batchLimit) break
      items.push(entry)
    }
    this.#waiting = this.#waiting.slice(items.length)
    return items
  }

  #sendBatch(items: readonly Item[]): void {
    this.#messages += 1
    const since = this.#since
    if (this.#waiting.length > 0) this.#since = monotonic()
    this.#thread.send(buildWork(items, { since, patience: lockPatience, transaction: false }), {
      done: (outcomes) => this.#answered(items, () => answerItems(items, outcomes)),
      failed: (error) => this.#answered(items, () => rejectItems(items, error)),
    })
  }

  #answered(items: readonly Item[], tell: () => void): void {
    this.#messages -= 1
    this.#unanswered -= items.length
    tell()
    this.#settle()
  }

  #settle(): void {
    if (this.#waiting.length > 0) this.#schedule()
    if (this.#unanswered === 0) this.#idle?.()
  }
}
