import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result, Runner } from './runner.ts'

/** A transaction that a database has opened for one caller. */
export interface TransactionSession extends Runner {
  /** Rejects when nothing was committed. */
  commit(): Promise<void>
  /** Never rejects: what cannot be rolled back was not committed either. */
  rollback(): Promise<void>
}

/** How long a transaction may stay open, in milliseconds, before it is rolled back. */
export const transactionTimeLimit = 5000

/**
 * Runs a body in a transaction: commits when it resolves, rolls back when it rejects. Both databases behave alike: once a
 * statement has failed the transaction has, even if the body caught the error; a statement after the end is refused.
 * A body that takes longer than the limit (which a body that waits for a statement of its own from outside the transaction
 * would do for ever on SQLite) is given up with temporarily_unavailable.
 */
export async function runInTransaction<T>(
  session: TransactionSession,
  body: (runner: Runner) => Promise<T>,
  limitMs: number = transactionTimeLimit,
): Promise<T> {
  const guarded = new GuardedRunner(session)
  let value: T
  try {
    value = await withinLimit(body(guarded), limitMs)
    await guarded.settle()
  } catch (error) {
    guarded.end()
    await session.rollback()
    throw error
  }
  guarded.end()
  await session.commit()
  return value
}

/** Hands statements on until one of them fails or the transaction ends. */
class GuardedRunner implements Runner {
  readonly #session: Runner
  readonly #open = new Set<Promise<unknown>>()
  #refusal: { readonly error: unknown } | undefined
  #ended = false

  constructor(session: Runner) {
    this.#session = session
  }

  async run(query: Query): Promise<Result> {
    if (this.#refusal) throw this.#refusal.error
    if (this.#ended) throw new GatehouseError('server_error', { cause: new Error('The transaction is over') })
    const outcome = this.#session.run(query)
    this.#open.add(outcome)
    try {
      return await outcome
    } catch (error) {
      this.#refusal ??= { error }
      throw error
    } finally {
      this.#open.delete(outcome)
    }
  }

  /** Waits for statements that the body did not wait for, and throws what failed first. */
  async settle(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open)
    if (this.#refusal) throw this.#refusal.error
  }

  end(): void {
    this.#ended = true
  }
}

/** Rejects when the work is not done in time; the work itself cannot be stopped. */
export async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  if (limitMs === Number.POSITIVE_INFINITY) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const cause = new Error(`The database did not finish within ${limitMs} ms`)
      reject(buildUnavailable(cause))
    }, limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
