import { GatehouseError } from '@gatehouse/core/errors'
import type { Connection, Database, OnWaiting } from './database.ts'
import type { Migration } from './migrations/migration.ts'
import { runSql } from './runner.ts'

const table = 'gatehouse_migrations'

/** Where a database stands against the migrations that this program knows. */
export interface MigrationState {
  readonly pending: readonly Migration[]
  /** Names that the database has and this program does not know: it was migrated by a newer one. */
  readonly unknown: readonly string[]
}

/**
 * Runs what has not been run yet, one process at a time: on SQLite all of it in one transaction under BEGIN EXCLUSIVE, on
 * Postgres each in a transaction of its own under an advisory lock, unless nothing is missing. Returns the names that were run now.
 */
export async function migrate(
  database: Database,
  known: readonly Migration[],
  onWaiting?: OnWaiting,
): Promise<readonly string[]> {
  // Where nothing is to be done, nobody need be waited for.
  if ((await findMigrationState(database.connection, known)).pending.length === 0) return []
  return database.migrating(async ({ connection, atomically, piecemeal }) => {
    await connection.db.schema
      .createTable(table)
      .ifNotExists()
      .addColumn('name', connection.dialect.text, (column) => column.primaryKey().notNull())
      .addColumn('applied_at', connection.dialect.integer, (column) => column.notNull())
      .execute()
    const { pending } = await findMigrationState(connection, known)
    for (const migration of pending) {
      const step = async () => {
        await migration.up({
          schema: connection.db.schema,
          dialect: connection.dialect,
          run: async (statement) => void (await statement.execute(connection.db)),
        })
        await record(connection, migration)
      }
      await (migration.outsideTransaction ? piecemeal(step) : atomically(step))
    }
    return pending.map((migration) => migration.name)
  }, onWaiting)
}

/**
 * Compares a database with the migrations that this program knows. A database that is ahead by later migrations is fine,
 * since each release only adds what the one before it can live with; one that went another way is refused with
 * server_error. Cost: two queries.
 */
export async function findMigrationState(connection: Connection, known: readonly Migration[]): Promise<MigrationState> {
  const applied = (await connection.dialect.tableExists(connection, table)) ? await findApplied(connection) : []
  const names = known.map((migration) => migration.name)
  const unknown = applied.filter((name) => !names.includes(name))
  const run = applied.length - unknown.length
  const last = names.at(-1)
  const inOrder = names.slice(0, run).every((name) => applied.includes(name))
  const apart = unknown.length > 0 && (run < names.length || unknown.some((name) => last !== undefined && name < last))
  if (!inOrder || apart) {
    const cause = new Error(
      explainDifference(
        unknown,
        names.filter((name) => !applied.includes(name)),
      ),
    )
    throw new GatehouseError('server_error', { cause })
  }
  return { pending: known.slice(run), unknown }
}

function explainDifference(unknown: readonly string[], lacking: readonly string[]): string {
  const lacks = `lacks ${lacking.join(', ')}`
  return unknown.length > 0
    ? `was made by another version of Gatehouse (it has the migrations ${unknown.join(', ')}, which are not known here${lacking.length > 0 ? `, and ${lacks}` : ''}): run that version, or restore a backup from before`
    : `${lacks}, although it has later migrations: restore a backup`
}

async function findApplied(connection: Connection): Promise<string[]> {
  const { rows } = await runSql(connection, `select name from ${table} order by name`)
  // The rows have the one column that was selected.
  return (rows as readonly { readonly name: string }[]).map((row) => row.name)
}

async function record(connection: Connection, migration: Migration): Promise<void> {
  const db = connection.db.withTables<{ gatehouse_migrations: { name: string; applied_at: number } }>()
  await db.insertInto(table).values({ name: migration.name, applied_at: connection.clock.now() }).execute()
}
