import { type Compilable, type Kysely, type RawBuilder, sql } from 'kysely'
import type { Connection } from './database.ts'
import type { Dialect } from './dialect.ts'
import type { Query, Value } from './runner.ts'
import type { Schema } from './schema.ts'

/** What the definition of a statement is handed. */
export interface StatementContext<Parameters> {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
  /** Stands for a value that is given at each run. */
  parameter<Name extends keyof Parameters & string>(name: Name): RawBuilder<Parameters[Name]>
}

/** What a run of a statement brought back. */
export interface StatementResult<Row> {
  readonly rows: readonly Row[]
  readonly changes: number
}

/** A statement that is written once by the query builder and then run by its parameters. */
export interface Statement<Parameters, Row> {
  readonly name: string
  /** The statement for one run. Cost: an array of the values. */
  query(dialect: Dialect, parameters: Parameters): Query
  run(connection: Connection, parameters: Parameters): Promise<StatementResult<Row>>
}

/** Where in the parameters of the compiled statement a value goes that is given later. */
class Slot {
  readonly parameter: string

  constructor(parameter: string) {
    this.parameter = parameter
  }
}

interface CompiledForm {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/**
 * Defines a hot statement. The builder takes 10 to 30 us to write one, so it does that once per database and process; a
 * run costs an array. On Postgres it is a named statement: name its columns, since a named `select *` fails on open
 * connections once a migration has added a column.
 */
export function defineStatement<Parameters extends { readonly [Name in keyof Parameters]: Value }, Row = unknown>(
  name: string,
  build: (context: StatementContext<Parameters>) => Compilable<Row>,
): Statement<Parameters, Row> {
  const forms = new Map<Dialect, CompiledForm>()
  const compile = (dialect: Dialect): CompiledForm => {
    const context: StatementContext<Parameters> = {
      db: dialect.compiler,
      dialect,
      parameter: (parameter) => sql`${new Slot(parameter)}`,
    }
    const form = build(context).compile()
    forms.set(dialect, form)
    return form
  }
  const query = (dialect: Dialect, parameters: Parameters): Query => {
    const form = forms.get(dialect) ?? compile(dialect)
    const values = form.parameters.map((slot) =>
      // A slot is made by `parameter` above and nowhere else, from a name of Parameters.
      slot instanceof Slot ? parameters[slot.parameter as keyof Parameters] : slot,
    )
    return { name, sql: form.sql, parameters: values }
  }
  return {
    name,
    query,
    // The rows are those of the statement that `build` typed.
    run: (connection, parameters) =>
      connection.run(query(connection.dialect, parameters)) as Promise<StatementResult<Row>>,
  }
}

/** A whole row whose every column is given at each run: for the values of an insert. */
export const rowOfParameters = <Row extends object>(
  columns: readonly (keyof Row & string)[],
  parameter: StatementContext<Row>['parameter'],
): { readonly [Column in keyof Row]: RawBuilder<Row[Column]> } =>
  // Every column of the row is in the list: the caller's list satisfies that.
  Object.fromEntries(columns.map((column) => [column, parameter(column)])) as {
    readonly [Column in keyof Row]: RawBuilder<Row[Column]>
  }
