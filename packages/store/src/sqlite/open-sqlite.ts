import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { buildConnection, type Database, type MigrationSession } from '../database.ts'
import { sqliteDialect } from '../dialect.ts'
import { type Runner, runSql } from '../runner.ts'
import { runInTransaction, withinLimit } from '../transaction.ts'
import { StatementQueue } from './statement-queue.ts'
import { WorkerThread } from './worker-thread.ts'

/** How long a start waits for another process that is migrating, in milliseconds. */
const migrationPatience = 60_000

/**
 * Opens a SQLite file, making it and its folder if they are not there, readable by nobody else; `:memory:` is a database
 * that ends with the store. On a thread that was started before, where there is one.
 */
export async function openSqlite({
  url,
  clock,
  thread = WorkerThread.start(),
}: {
  readonly url: string
  readonly clock: Clock
  readonly thread?: WorkerThread | undefined
}): Promise<Database> {
  if (url !== ':memory:') {
    createPrivateFile(url)
    checkWriteAheadLog(url)
  }
  await thread.open(url)
  const queue = new StatementQueue(thread)
  const connection = buildConnection({
    runner: queue,
    dialect: sqliteDialect,
    clock,
    begin: async (run) => runInTransaction(await queue.openTransaction('immediate'), run),
  })
  return {
    connection,
    writes: thread.writes,
    migrating: async <T>(run: (session: MigrationSession) => Promise<T>) => {
      const session = await queue.openTransaction('exclusive', migrationPatience)
      const now = (step: () => Promise<void>) => step()
      const body = (runner: Runner) =>
        run({
          connection: buildConnection({ runner, dialect: sqliteDialect, clock }),
          atomically: now,
          piecemeal: now,
        })
      return runInTransaction(session, body, Number.POSITIVE_INFINITY)
    },
    // Reads the schema and not a constant, so that the file is really touched.
    ping: async () => {
      await withinLimit(runSql(queue, 'select 1 from sqlite_master limit 1'), 900)
    },
    listen: async () => async () => {},
    notify: async () => {},
    broadcast: async () => {},
    close: async () => {
      await queue.close()
      await thread.close()
    },
  }
}

/** The write-ahead log gets the same permissions, since SQLite copies them from the file. */
function createPrivateFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(path, 'a', 0o600))
  } catch (cause) {
    throw buildUnavailable(cause)
  }
}

/** Where in its header a file says whether a write-ahead log belongs to it, and what it says where none does. */
const [versionOffset, withoutLog] = [18, 1]

/**
 * Refuses a backup that was copied to the place of a database whose write-ahead log was left: SQLite would write that log's
 * pages into it. What runs here has a log, and says so before it makes one.
 * Spec: https://www.sqlite.org/fileformat.html section 1.3.
 */
function checkWriteAheadLog(path: string): void {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  if (log === undefined || log.size === 0) return
  const header = Buffer.alloc(versionOffset + 1)
  const file = openSync(path, 'r')
  try {
    readSync(file, header)
  } finally {
    closeSync(file)
  }
  if (header[versionOffset] !== withoutLog) return
  const cause = new Error(
    `is a backup beside which the write-ahead log of another database was left: remove ${path}-wal and ${path}-shm, and start again (docs/guides/backup.md)`,
  )
  throw new GatehouseError('server_error', { cause })
}
