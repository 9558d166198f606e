/** What a column holds. */
export type Value = string | number | null

/** One statement on its way to the database. */
export interface Query {
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Set for hot statements: Postgres then plans it once per connection. */
  readonly name?: string
}

/** What a statement brought back. */
export interface Result {
  readonly rows: readonly unknown[]
  /** Rows that were inserted, updated or deleted. */
  readonly changes: number
}

/** Something that runs statements: the whole database, or one open transaction. Throws errors of the catalogue. */
export interface Runner {
  run(query: Query): Promise<Result>
}

/** Runs a statement that the query builder did not write. */
export const runSql = (runner: Runner, sql: string, parameters: readonly Value[] = []): Promise<Result> =>
  runner.run({ sql, parameters })
