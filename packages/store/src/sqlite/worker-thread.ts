import { Worker } from 'node:worker_threads'
import { buildUnavailable, type GatehouseError } from '@gatehouse/core/errors'
import type { Query } from '../runner.ts'
import { WriteWatch } from '../write-watch.ts'
import { buildSqliteError, findSqliteTrouble, isLocked, type SqliteFailure } from './sqlite-error.ts'

/** Rows, or the number of changes, or why the statement failed. */
export type Outcome = readonly unknown[] | number | SqliteFailure

/** What the worker is to do at a time; as a message: see `Work` in sqlite-worker.mjs. */
export interface Work {
  readonly queries: readonly Query[]
  readonly transaction: boolean
  readonly begin?: 'immediate' | 'exclusive'
  readonly end?: 'commit' | 'rollback'
}

type Answer =
  | { readonly id: number; readonly outcomes: readonly Outcome[]; readonly wroteAgain?: boolean }
  | { readonly id: number; readonly outcomes?: readonly Outcome[]; readonly failure: SqliteFailure }

/** Who is told how a piece of work ended. */
export interface WorkListener {
  /** One for each statement, also where those that write have failed together and the others were run all the same. */
  done(outcomes: readonly Outcome[]): void
  failed(error: GatehouseError): void
}

let workerUrl: URL | undefined

/** Says where `sqlite-worker.mjs` lies, for a program that is bundled into one file; `undefined`: beside this file. */
export function setSqliteWorkerUrl(url: URL | undefined): void {
  workerUrl = url
}

/** How long a lock of another process is waited for while the file is opened, in milliseconds. */
const openingPatience = 2000
/** How long the worker waits for a lock at a time, in milliseconds, in which it can answer nobody. */
export const tryTime = 20

/** The thread that runs SQLite. It works through its messages in order; once it is gone everything rejects. */
export class WorkerThread {
  /** What became of the last writes. */
  readonly writes = new WriteWatch()
  readonly #worker: Worker
  readonly #listeners = new Map<number, WorkListener>()
  /** The statements that the worker knows by number. */
  readonly #numbers = new Map<string, number>()
  readonly #exited: Promise<void>
  #lastId = 0
  #gone: GatehouseError | undefined

  /** Starts the thread, which loads what it needs and waits to be told which file it is for. */
  static start(): WorkerThread {
    const url = workerUrl ?? new URL('./sqlite-worker.mjs', import.meta.url)
    // Flags of the process, such as a loader that it was started with, are nothing that the thread needs.
    return new WorkerThread(new Worker(url, { workerData: { openingPatience, tryTime }, execArgv: [] }))
  }

  /**
   * Opens the database file, once, before anything is sent. Rejects with temporarily_unavailable or server_error when it
   * cannot be opened.
   */
  open(path: string): Promise<void> {
    return new Promise((done, failed) => {
      if (this.#gone) return failed(this.#gone)
      this.#listeners.set(0, { done: () => done(), failed })
      this.#worker.postMessage({ path })
    })
  }

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: Answer) => this.#hear(answer))
    worker.on('messageerror', (cause) => this.#lose(cause))
    worker.on('error', (cause) => this.#lose(cause))
    this.#exited = new Promise((exited) => {
      worker.on('exit', (code) => {
        this.#lose(new Error(`The database thread ended with code ${code}`))
        exited()
      })
    })
  }

  send(work: Work, listener: WorkListener): void {
    if (this.#gone) {
      listener.failed(this.#gone)
      return
    }
    this.#lastId += 1
    this.#listeners.set(this.#lastId, listener)
    const { queries, ...rest } = work
    const sql = queries.map((query) => this.#abbreviate(query))
    this.#worker.postMessage({ id: this.#lastId, sql, parameters: queries.map((query) => query.parameters), ...rest })
  }

  /** A hot statement goes as its text once and then as the number that it was given with it, a tenth of the bytes. */
  #abbreviate({ sql, name }: Query): string | number | readonly [number, string] {
    if (name === undefined) return sql
    const known = this.#numbers.get(sql)
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(sql, number)
    return [number, sql]
  }

  /** Closes the file once what was sent before has been worked through; a thread that was never told of one just ends. */
  async close(): Promise<void> {
    if (!this.#gone) this.#worker.postMessage('close')
    await this.#exited
  }

  #hear(answer: Answer): void {
    const listener = this.#listeners.get(answer.id)
    this.#listeners.delete(answer.id)
    if ('failure' in answer) {
      // A lock may be gone the next moment: whoever waits for it says when that took too long.
      if (!isLocked(answer.failure)) this.writes.failed(findSqliteTrouble(answer.failure))
      if (answer.outcomes) listener?.done(answer.outcomes)
      else listener?.failed(buildSqliteError(answer.failure))
    } else {
      if (answer.wroteAgain) this.writes.succeeded()
      listener?.done(answer.outcomes)
    }
  }

  /** The thread is lost: nobody knows what became of what it had, so nothing of that is acknowledged. */
  #lose(thrown: unknown): void {
    if (this.#gone) return
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown))
    this.#gone = buildUnavailable(cause)
    for (const listener of this.#listeners.values()) listener.failed(this.#gone)
    this.#listeners.clear()
  }
}
