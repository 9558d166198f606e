import { GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result } from '../runner.ts'
import type { TransactionSession } from '../transaction.ts'
import { answerItems, buildWork, type Item, rejectItems } from './statement-items.ts'
import type { Work, WorkerThread } from './worker-thread.ts'

/** What a transaction is opened with. */
export interface SqliteTransactionParts {
  readonly begin: 'immediate' | 'exclusive'
  readonly patience: number
  readonly since: number
  /** Gives the connection back. */
  readonly over: () => void
}

/** One transaction: BEGIN goes with its first statements, and those of one tick in one message. */
export class SqliteTransaction implements TransactionSession {
  readonly #thread: WorkerThread
  readonly #parts: SqliteTransactionParts
  #items: Item[] = []
  #begun = false
  #over = false

  constructor(thread: WorkerThread, parts: SqliteTransactionParts) {
    this.#thread = thread
    this.#parts = parts
  }

  run(query: Query): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new GatehouseError('server_error', { cause: new Error('The transaction is over') }))
      this.#items.push({ query, resolve, reject })
      // Not at the end of the loop's turn: nobody else may use the connection meanwhile.
      if (this.#items.length === 1) process.nextTick(() => this.#flush())
    })
  }

  async commit(): Promise<void> {
    this.#flush()
    await this.#end('commit')
  }

  async rollback(): Promise<void> {
    const unsent = this.#items
    this.#items = []
    rejectItems(
      unsent,
      new GatehouseError('temporarily_unavailable', { cause: new Error('Rolled back'), retryAfter: 1 }),
    )
    // What cannot be rolled back has been: the worker does so itself when something fails.
    await this.#end('rollback').catch(() => {})
  }

  #flush(): void {
    const items = this.#items
    if (items.length === 0) return
    this.#items = []
    const work = buildWork(items, this.#present())
    this.#begun = true
    this.#thread.send(work, {
      done: (outcomes) => answerItems(items, outcomes),
      failed: (error) => rejectItems(items, error),
    })
  }

  #end(end: 'commit' | 'rollback'): Promise<void> {
    this.#over = true
    return new Promise((resolve, reject) => {
      if (this.#begun)
        this.#thread.send({ ...buildWork([], this.#present()), end }, { done: () => resolve(), failed: reject })
      else resolve()
      // The worker works in order, so the next batch may be sent before this one is answered.
      this.#parts.over()
    })
  }

  #present(): Pick<Work, 'since' | 'patience' | 'transaction' | 'begin'> {
    const { since, patience, begin } = this.#parts
    return { since, patience, transaction: true, ...(!this.#begun && { begin }) }
  }
}
