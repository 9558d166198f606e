import { setTimeout as delay } from 'node:timers/promises'
import { buildUnavailable } from '@gatehouse/core/errors'
import pg from 'pg'
import type { Query, Result, Runner } from '../runner.ts'
import type { TransactionSession } from '../transaction.ts'
import { WriteWatch } from '../write-watch.ts'
import { buildPoolerError, buildPostgresError, findPostgresTrouble, isConnectionUsable } from './postgres-error.ts'

/** Connections at the most. */
const poolSize = 10
/** Callers that may wait for a connection; past it they are refused at once. */
const waitingLimit = 1000
/** How long a request waits for a connection, in milliseconds: it is to be answered within a second. */
const waitingTime = 800
/**
 * How long a connection may take to be made, in milliseconds: to a server 500 ms away it takes 2 s without TLS. Whoever asked for it may have
 * been refused by then; the next one gets it.
 */
const connectingTime = 2500
/** How long those wait who have nobody waiting for them in turn (a command, a start), in milliseconds; also for a new connection. */
export const patientTime = 10_000
const statementTime = 1800
const int8 = 20

/** What every connection is opened with. */
export const connectionOptions = (url: string): pg.ClientConfig => ({
  connectionString: spellOutVerification(url),
  application_name: 'gatehouse',
  connectionTimeoutMillis: connectingTime,
  keepAlive: true,
  types: {
    // Seconds and counters are far below 2^53.
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === int8 ? Number : pg.types.getTypeParser(oid, format),
  },
})

/**
 * `prefer`, `require` and `verify-ca` are for the driver what `verify-full` is, and it warns of each that this may change one
 * day: here it does not. Who asks for libpq's own meaning gets that.
 */
const spellOutVerification = (url: string): string =>
  /[?&]uselibpqcompat=true(&|$)/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/g, '$1verify-full')

/**
 * Connections to Postgres, at most ten. Waiting for one and the statement together take less than 3 s, so that a database that
 * neither answers nor refuses costs nobody more than that.
 */
export class PostgresPool implements Runner {
  /** What became of the last writes. */
  readonly writes = new WriteWatch({ locksInPart: true })
  readonly #pool: pg.Pool
  readonly #isPatient: () => boolean
  #lent = 0
  #waiting = 0
  #isChecked = false

  /** `isPatient`: whether whoever asks now may be kept waiting for ten seconds. */
  constructor(url: string, isPatient: () => boolean) {
    this.#isPatient = isPatient
    this.#pool = new pg.Pool({
      ...connectionOptions(url),
      max: poolSize,
      statement_timeout: statementTime,
      // Less than a statement may take, else what was waited for would not be known.
      lock_timeout: 1500,
      query_timeout: 1900,
      idle_in_transaction_session_timeout: 10_000,
    })
    // Without these a connection that breaks, idle or lent, ends the process; whoever uses it hears of it from its statement.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
  }

  async run(query: Query): Promise<Result> {
    const client = await this.#lend()
    let usable = true
    try {
      const result = await runWatched(this.writes, client, query)
      if (this.writes.trouble !== undefined && hasChanged(query, result)) this.writes.succeeded()
      return result
    } catch (error) {
      usable = isConnectionUsable(error)
      throw buildPostgresError(error)
    } finally {
      this.#giveBack(client, usable)
    }
  }

  /** Whether every connection is taken, so that whoever asks has to wait. */
  get isExhausted(): boolean {
    return this.#lent >= poolSize
  }

  /** Opens a transaction on a connection of its own, which goes back when it ends. */
  async openTransaction(): Promise<TransactionSession> {
    const client = await this.#lend()
    const session = new PostgresTransaction(client, this.writes, (usable) => this.#giveBack(client, usable))
    await session.begin()
    return session
  }

  /** The pool itself would leave those who wait for a connection waiting. */
  async close(): Promise<void> {
    while (this.#lent > 0) await delay(5)
    await this.#pool.end()
  }

  async #lend(): Promise<pg.PoolClient> {
    if (this.#waiting >= waitingLimit) {
      const cause = new Error(`More than ${waitingLimit} callers wait for a connection`)
      throw buildUnavailable(cause)
    }
    this.#lent += 1
    this.#waiting += 1
    try {
      const client = await this.#connect()
      if (!this.#isChecked) await this.#check(client)
      return client
    } catch (error) {
      this.#lent -= 1
      throw buildPostgresError(error)
    } finally {
      this.#waiting -= 1
    }
  }

  /**
   * Looks once whether what a connection is opened with took. A pooler that hands one connection to many drops it, and with it the
   * statements that were prepared, the lock of a migration and the notifications; half of all requests would fail.
   */
  async #check(client: pg.PoolClient): Promise<void> {
    try {
      const { rows } = await runOn(client, {
        sql: "select setting from pg_settings where name = 'statement_timeout'",
        parameters: [],
      })
      // What the URL says wins over what we say; the driver knows what it has asked for in the end.
      const { connectionParameters: asked } = client as {
        readonly connectionParameters?: { statement_timeout?: unknown }
      }
      const wanted = String(asked?.statement_timeout ?? statementTime)
      if (rows.length !== 1 || (rows[0] as { readonly setting: unknown }).setting !== wanted) throw buildPoolerError()
      this.#isChecked = true
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** A connection that comes too late for this caller is kept for the next one. */
  #connect(): Promise<pg.PoolClient> {
    const isPatient = this.#isPatient()
    const limitMs = isPatient ? patientTime : waitingTime
    this.#pool.options.connectionTimeoutMillis = isPatient ? patientTime : connectingTime
    return new Promise((resolve, reject) => {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        reject(Object.assign(new Error(`No connection within ${limitMs} ms`), { code: 'ETIMEDOUT' }))
      }, limitMs)
      this.#pool
        .connect()
        .then((client) => (isLate ? client.release() : resolve(client)), reject)
        .finally(() => clearTimeout(timer))
    })
  }

  #giveBack(client: pg.PoolClient, usable: boolean): void {
    this.#lent -= 1
    client.release(!usable)
  }
}

/** One transaction on a connection that was lent for it. */
class PostgresTransaction implements TransactionSession {
  readonly #client: pg.PoolClient
  readonly #writes: WriteWatch
  readonly #giveBack: (usable: boolean) => void
  #usable = true
  #hasChanged = false
  /** Postgres answers the COMMIT of one in which a statement failed with a rollback. */
  #hasFailed = false
  /** The driver wants one statement at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(client: pg.PoolClient, writes: WriteWatch, giveBack: (usable: boolean) => void) {
    this.#client = client
    this.#writes = writes
    this.#giveBack = giveBack
  }

  async begin(): Promise<void> {
    try {
      await this.run({ sql: 'begin', parameters: [] })
    } catch (error) {
      this.#giveBack(false)
      throw error
    }
  }

  run(query: Query): Promise<Result> {
    const outcome = this.#last.then(() => this.#runNow(query))
    this.#last = outcome.catch(() => {})
    return outcome
  }

  async #runNow(query: Query): Promise<Result> {
    try {
      const result = await runWatched(this.#writes, this.#client, query)
      this.#hasChanged ||= hasChanged(query, result)
      return result
    } catch (error) {
      this.#hasFailed = true
      this.#usable &&= isConnectionUsable(error)
      throw buildPostgresError(error)
    }
  }

  async commit(): Promise<void> {
    try {
      await this.run({ sql: 'commit', parameters: [] })
      if (this.#hasChanged && !this.#hasFailed) this.#writes.succeeded()
    } finally {
      this.#giveBack(this.#usable)
    }
  }

  async rollback(): Promise<void> {
    try {
      // A connection that is going to be thrown away takes its transaction with it.
      if (this.#usable) await this.run({ sql: 'rollback', parameters: [] })
    } catch {
      this.#usable = false
    } finally {
      this.#giveBack(this.#usable)
    }
  }
}

/** Runs a statement, and notes where it says that writes fail. */
async function runWatched(writes: WriteWatch, client: pg.ClientBase, query: Query): Promise<Result> {
  try {
    return await runOn(client, query)
  } catch (error) {
    writes.failed(findPostgresTrouble(error))
    throw error
  }
}

/** Whether a statement has written something, which is on the disk once its transaction is committed. */
const hasChanged = ({ sql }: Query, { changes }: Result): boolean =>
  changes > 0 && /^\s*(?:insert|update|delete)/i.test(sql)

/** Runs a statement on one connection; throws what the driver throws. */
export async function runOn(client: pg.ClientBase, { sql, parameters, name }: Query): Promise<Result> {
  const result = await client.query({ text: sql, values: [...parameters], ...(name !== undefined && { name }) })
  return { rows: result.rows, changes: result.rowCount ?? 0 }
}
