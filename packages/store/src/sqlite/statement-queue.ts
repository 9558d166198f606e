import { buildUnavailable, type GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result, Runner } from '../runner.ts'
import type { TransactionSession } from '../transaction.ts'
import { LockWait, type LockWaiter, lockPatience } from './lock-wait.ts'
import { isLocked } from './sqlite-error.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { answerItem, buildWork, type Item, rejectItems } from './statement-items.ts'
import type { Outcome, WorkerThread } from './worker-thread.ts'

/** Most statements in one message, and so in one transaction. */
const batchLimit = 500
/** Messages that the worker has at a time: one to work on and one to go on with. */
const messagesInFlight = 2
/** Most statements that wait or are being worked on; past it they are refused. */
const queueLimit = 10_000

/** A statement that waits for its turn. */
interface QueuedItem extends Item {
  /** When it came, by `performance.now()`. */
  readonly since: number
}

/** A transaction that waits for its turn. */
interface Opening {
  /** Takes the connection for a transaction. */
  readonly open: () => void
}

/**
 * Groups single statements: those issued in one tick go in one message, which the worker runs in one transaction. Since
 * an explicit transaction has the connection for itself, what arrives meanwhile waits and goes as the next batch.
 *
 * What finds the database locked is put aside for a moment and then tried again, two seconds at the most, so that what only
 * reads goes past it. Once somebody has waited that long, nobody else does until a write succeeds.
 */
export class StatementQueue implements Runner {
  readonly #thread: WorkerThread
  readonly #lockWait: LockWait
  #waiting: (QueuedItem | Opening)[] = []
  #unanswered = 0
  #messages = 0
  #scheduled = false
  #inTransaction = false
  #closed = false
  #idle: (() => void) | undefined

  constructor(thread: WorkerThread) {
    this.#thread = thread
    this.#lockWait = new LockWait(thread.writes)
  }

  run(query: Query): Promise<Result> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) return reject(refusal)
      this.#unanswered += 1
      this.#enqueue({ query, resolve, reject, since: performance.now() })
    })
  }

  /** Waits for its turn and then has the connection until the session ends. `patience` with a lock, in milliseconds. */
  openTransaction(begin: 'immediate' | 'exclusive', patience: number = lockPatience): Promise<TransactionSession> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) return reject(refusal)
      this.#unanswered += 1
      const since = performance.now()
      let [hasConnection, isOver] = [false, false]
      const giveBack = () => {
        if (hasConnection) this.#inTransaction = false
        hasConnection = false
      }
      const takeTurn = (then: () => void) => {
        const open = () => {
          if (isOver) return
          hasConnection = true
          this.#inTransaction = true
          then()
        }
        this.#enqueue({ open })
      }
      const waitForLock = ({ again, giveUp }: Pick<LockWaiter, 'again' | 'giveUp'>) => {
        giveBack()
        this.#lockWait.add({ since, patience, again: () => takeTurn(again), giveUp })
        this.#settle()
      }
      const over = () => {
        giveBack()
        isOver = true
        this.#unanswered -= 1
        this.#settle()
      }
      takeTurn(() => resolve(new SqliteTransaction(this.#thread, { begin, waitForLock, over })))
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
    return buildUnavailable(
      new Error(this.#closed ? 'The store is closed' : `More than ${queueLimit} statements are waiting`),
    )
  }

  #enqueue(entry: QueuedItem | Opening): void {
    this.#waiting.push(entry)
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
        head.open()
      } else this.#sendBatch(this.#takeItems())
    }
  }

  #takeItems(): QueuedItem[] {
    const items: QueuedItem[] = []
    for (const entry of this.#waiting) {
      if ('open' in entry || items.length === batchLimit) break
      items.push(entry)
    }
    this.#waiting = this.#waiting.slice(items.length)
    return items
  }

  #sendBatch(items: readonly QueuedItem[]): void {
    this.#messages += 1
    this.#thread.send(buildWork(items, { transaction: false }), {
      done: (outcomes) => this.#answered(() => this.#answer(items, outcomes)),
      failed: (error) =>
        this.#answered(() => {
          this.#unanswered -= items.length
          rejectItems(items, error)
        }),
    })
  }

  #answer(items: readonly QueuedItem[], outcomes: readonly Outcome[]): void {
    for (const [index, item] of items.entries()) {
      const outcome = outcomes[index]
      if (outcome !== undefined && isLocked(outcome)) this.#putAside(item, outcome)
      else {
        this.#unanswered -= 1
        answerItem(item, outcome)
      }
    }
  }

  #putAside(item: QueuedItem, outcome: Outcome): void {
    const giveUp = () => {
      this.#unanswered -= 1
      answerItem(item, outcome)
      this.#settle()
    }
    const { since } = item
    this.#lockWait.add({ since, patience: lockPatience, again: () => this.#enqueue(item), giveUp })
  }

  #answered(tell: () => void): void {
    this.#messages -= 1
    tell()
    this.#settle()
  }

  #settle(): void {
    if (this.#waiting.length > 0) this.#schedule()
    if (this.#unanswered === 0) this.#idle?.()
  }
}
