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

/** Tells the caller what became of a statement. */
export function answerItem({ resolve, reject }: Item, outcome: Outcome | undefined): void {
  if (typeof outcome === 'number') resolve({ rows: [], changes: outcome })
  else if (outcome === undefined || 'code' in outcome) reject(buildSqliteError(outcome ?? unanswered))
  else resolve({ rows: outcome, changes: outcome.length })
}

/** What is sent of these statements. */
export const buildWork = <Present>(items: readonly Item[], present: Present) => ({
  ...present,
  queries: items.map((item) => item.query),
})

/** Tells each caller what became of its statement. */
export function answerItems(items: readonly Item[], outcomes: readonly Outcome[]): void {
  for (const [index, item] of items.entries()) answerItem(item, outcomes[index])
}

const unanswered = { code: 'ERROR', message: 'The statement was not answered' }

/** Tells every caller that nothing came of it. */
export function rejectItems(items: readonly Item[], error: GatehouseError): void {
  for (const item of items) item.reject(error)
}
