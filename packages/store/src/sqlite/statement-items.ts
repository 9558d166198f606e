import type { GatehouseError } from '@gatehouse/core/errors'
import type { Query, Result } from '../runner.ts'
import { buildSqliteError } from './sqlite-error.ts'
import type { Outcome } from './worker-thread.ts'

/** A statement and who waits for it. */
export interface Item {
  readonly query: Query
  readonly resolve: (result: Result) => void
  readonly reject: (error: GatehouseError) => void
}

/** Milliseconds of a clock that the worker thread reads too, and that nobody can set. */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** What is sent of these statements. */
export const buildWork = <Present>(items: readonly Item[], present: Present) => ({
  ...present,
  queries: items.map((item) => item.query),
})

/** Tells each caller what became of its statement. */
export function answerItems(items: readonly Item[], outcomes: readonly Outcome[]): void {
  for (const [index, item] of items.entries()) {
    const outcome = outcomes[index]
    if (typeof outcome === 'number') item.resolve({ rows: [], changes: outcome })
    else if (outcome === undefined || 'code' in outcome) item.reject(buildSqliteError(outcome ?? unanswered))
    else item.resolve({ rows: outcome, changes: outcome.length })
  }
}

const unanswered = { code: 'ERROR', message: 'The statement was not answered' }

/** Tells every caller that nothing came of it. */
export function rejectItems(items: readonly Item[], error: GatehouseError): void {
  for (const item of items) item.reject(error)
}
