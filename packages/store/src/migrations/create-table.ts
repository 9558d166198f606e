import type { CreateTableBuilder, SchemaModule } from 'kysely'
import type { MigrationStep } from './migration.ts'

/** A column's type; a question mark allows null. */
type Column = 'text' | 'text?' | 'integer' | 'integer?'
type Columns = Readonly<Record<string, Column>>

/** A table as a migration describes it. */
export interface Table {
  readonly name: string
  /** Columns in order; a question mark allows null. */
  readonly columns: Columns
  /** Columns of the primary key; a single name in `counted` is a number that the database counts up. */
  readonly key: readonly string[]
  readonly counted?: true
  readonly kind?: 'small' | 'updated'
  readonly indexes?: readonly (readonly string[])[]
  readonly unique?: readonly (readonly string[])[]
}

/** Creates a table with its key and its indexes. */
export async function createTable({ schema, dialect }: MigrationStep, table: Table): Promise<void> {
  let builder: CreateTableBuilder<string, string> = schema.createTable(table.name)
  if (table.counted) builder = builder.addColumn(table.key[0] ?? 'id', dialect.identity)
  for (const [name, type] of Object.entries(table.columns)) {
    const dataType = type.startsWith('text') ? dialect.text : dialect.integer
    builder = builder.addColumn(name, dataType, (column) => (type.endsWith('?') ? column : column.notNull()))
  }
  if (!table.counted) builder = builder.addPrimaryKeyConstraint(`${table.name}_key`, [...table.key])
  await builder.modifyEnd(dialect.tableEnd(table.kind ?? 'plain')).execute()
  for (const columns of table.unique ?? []) await createIndex(schema, { table, columns, unique: true })
  for (const columns of table.indexes ?? []) await createIndex(schema, { table, columns, unique: false })
}

interface Index {
  readonly table: Table
  readonly columns: readonly string[]
  readonly unique: boolean
}

async function createIndex(schema: SchemaModule, { table, columns, unique }: Index): Promise<void> {
  const builder = schema
    .createIndex(`${table.name}_${columns.join('_')}`)
    .on(table.name)
    .columns([...columns])
  await (unique ? builder.unique() : builder).execute()
}
