import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result } from '../runner.ts'
import type { TransactionSession } from '../transaction.ts'
import type { LockWaiter } from './lock-wait.ts'
import { isLocked } from './sqlite-error.ts'
import { answerItems, buildWork, type Item, rejectItems } from './statement-items.ts'
import type { WorkerThread } from './worker-thread.ts'

/** What a transaction is opened with. */
export interface SqliteTransactionParts {
  readonly begin: 'immediate' | 'exclusive'
  /** Gives the connection back until a lock of another process may be gone. */
  readonly waitForLock: (waiter: Pick<LockWaiter, 'again' | 'giveUp'>) => void
  /** Gives the connection back. */
  readonly over: () => void
}

const isOver = (): GatehouseError => new GatehouseError('server_error', { cause: new Error('The transaction is over') })

/** One transaction: BEGIN goes with its first statements, and those of one tick in one message. */
export class SqliteTransaction implements TransactionSession {
  readonly #thread: WorkerThread
  readonly #parts: SqliteTransactionParts
  #items: Item[] = []
  /** `beginning`: until it is known whether there was a lock, what comes later must wait. */
  #state: 'new' | 'beginning' | 'locked' | 'begun' | 'over' = 'new'
  #refusal: GatehouseError | undefined

  constructor(thread: WorkerThread, parts: SqliteTransactionParts) {
    this.#thread = thread
    this.#parts = parts
  }

  run(query: Query): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'over') return reject(this.#refusal ?? isOver())
      this.#items.push({ query, resolve, reject })
      // Not at the end of the loop's turn: nobody else may use the connection meanwhile.
      if (this.#items.length === 1) process.nextTick(() => this.#flush())
    })
  }

  /** To be called once everything that was issued has been answered. */
  async commit(): Promise<void> {
    this.#flush()
    await this.#end('commit')
  }

  async rollback(): Promise<void> {
    rejectItems(this.#take(), buildUnavailable(new Error('Rolled back')))
    // What cannot be rolled back has been: the worker does so itself when something fails.
    await this.#end('rollback').catch(() => {})
  }

  #flush(): void {
    if (this.#items.length === 0) return
    if (this.#state === 'new') this.#begin()
    else if (this.#state === 'begun') {
      const items = this.#take()
      this.#thread.send(buildWork(items, { transaction: true }), {
        done: (outcomes) => answerItems(items, outcomes),
        failed: (error) => rejectItems(items, error),
      })
    }
  }

  #take(): readonly Item[] {
    const items = this.#items
    this.#items = []
    return items
  }

  #begin(): void {
    const items = this.#take()
    this.#state = 'beginning'
    this.#thread.send(buildWork(items, { transaction: true, begin: this.#parts.begin }), {
      done: (outcomes) => {
        this.#begun()
        answerItems(items, outcomes)
      },
      failed: (error) => {
        if (this.#state === 'beginning' && isLocked(error.cause)) return this.#wait(items, error)
        this.#begun()
        rejectItems(items, error)
      },
    })
  }

  #begun(): void {
    if (this.#state === 'over') return
    this.#state = 'begun'
    this.#flush()
  }

  #wait(items: readonly Item[], error: GatehouseError): void {
    this.#items = [...items, ...this.#items]
    this.#state = 'locked'
    this.#parts.waitForLock({
      again: () => {
        this.#state = 'new'
        this.#flush()
      },
      giveUp: () => {
        this.#state = 'over'
        this.#refusal = error
        rejectItems(this.#take(), error)
      },
    })
  }

  #end(end: 'commit' | 'rollback'): Promise<void> {
    const wasSent = this.#state === 'beginning' || this.#state === 'begun'
    this.#state = 'over'
    return new Promise((resolve, reject) => {
      if (wasSent)
        this.#thread.send({ ...buildWork([], { transaction: true }), end }, { done: () => resolve(), failed: reject })
      else resolve()
      // The worker works in order, so the next batch may be sent before this one is answered.
      this.#parts.over()
    })
  }
}
