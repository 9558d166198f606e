import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '@gatehouse/core/time'
import pg from 'pg'
import { buildConnection, type Database, type MigrationSession, type OnWaiting } from '../database.ts'
import { advisoryLocks, postgresDialect } from '../dialect.ts'
import type { Runner } from '../runner.ts'
import { runInTransaction, withinLimit } from '../transaction.ts'
import { createGrantBatch } from './grant-batch.ts'
import { channelName, listenToOthers, messageChannel } from './listen.ts'
import { connectionOptions, PostgresPool, patientTime, runOn } from './pool.ts'
import { buildPostgresError } from './postgres-error.ts'

/** How long a migration waits for a table, in milliseconds: while it waits, everybody else waits behind it. */
const tableLockPatience = 1000
/** How long lies between two looks at whether another process is still migrating, in milliseconds. */
const migrationPoll = 100

/**
 * Each notification is a commit. What nobody reads again after a crash waits for no disk, nor do the hints of other processes,
 * which come one after the other with it.
 */
const broadcastStatement = `select set_config('synchronous_commit', 'off', true), pg_notify($1, message)
  from unnest($2::text[]) as message`

interface PostgresOptions {
  readonly url: string
  readonly clock: Clock
  readonly isPatient?: (() => boolean) | undefined
}

/** Prepares the way to a Postgres database. The server need not be there yet: `ping` tells. */
export async function openPostgres({ url, clock, isPatient = () => false }: PostgresOptions): Promise<Database> {
  const pool = new PostgresPool(url, isPatient)
  const connection = buildConnection({
    runner: pool,
    dialect: postgresDialect,
    clock,
    begin: async (run) => runInTransaction(await pool.openTransaction(), run),
    grantBatch: createGrantBatch(pool),
  })
  return {
    connection,
    writes: pool.writes,
    migrating: (run, onWaiting) => migrating({ url, clock, onWaiting }, run),
    ping: async () => {
      await withinLimit(pool.run({ sql: 'select 1', parameters: [] }), 900)
    },
    listen: (onHint, onMessage) => listenToOthers(url, { onHint, onMessage }),
    notify: async (channel) => {
      await pool.run({ sql: "select pg_notify($1, '')", parameters: [channelName(channel)] })
    },
    broadcast: async (messages) => {
      await pool.run({ sql: broadcastStatement, parameters: [messageChannel, [...messages]] })
    },
    close: () => pool.close(),
  }
}

/** How long a start waits for another process in silence, and how long between two words of it then, in milliseconds. */
const [silence, reminder] = [2000, 30_000]

/** The lock's number stands there as two halves. */
const holderStatement = `select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1
  and database = (select oid from pg_database where datname = current_database())
  and classid::bigint = $1::bigint >> 32 and objid::bigint = $1::bigint & 4294967295`

/** Tries until it has the lock, and tells who has it meanwhile. */
async function waitForLock(runner: Runner, onWaiting: OnWaiting): Promise<void> {
  let tellAt = performance.now() + silence
  while (!(await takeLock(runner))) {
    if (performance.now() >= tellAt) {
      tellAt = performance.now() + reminder
      const { rows } = await runner.run({ sql: holderStatement, parameters: [advisoryLocks.migrations] })
      const [holder] = rows as readonly { readonly pid: number }[] // the one column that was selected
      onWaiting(holder?.pid)
    }
    await delay(migrationPoll)
  }
}

async function takeLock(runner: Runner): Promise<boolean> {
  const { rows } = await runner.run({
    sql: 'select 1 where pg_try_advisory_lock($1)',
    parameters: [advisoryLocks.migrations],
  })
  return rows.length > 0
}

/** A connection without time limits, which holds the lock until it ends. */
async function migrating<T>(
  { url, clock, onWaiting = () => {} }: { url: string; clock: Clock; onWaiting: OnWaiting | undefined },
  run: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...connectionOptions(url), connectionTimeoutMillis: patientTime })
  client.on('error', () => {})
  const runner: Runner = {
    run: async (query) => {
      try {
        return await runOn(client, query)
      } catch (error) {
        throw buildPostgresError(error)
      }
    },
  }
  const plain = (sql: string, ...parameters: readonly unknown[]) => runner.run({ sql, parameters })
  try {
    await client.connect().catch((error: unknown) => {
      throw buildPostgresError(error)
    })
    // Not `pg_advisory_lock`: an index that is built concurrently waits for every statement under way, also for one that
    // waits for this lock, and the database would end one of the two.
    await waitForLock(runner, onWaiting)
    await plain(`set lock_timeout = ${tableLockPatience}`)
    return await run({
      connection: buildConnection({ runner, dialect: postgresDialect, clock }),
      atomically: async (step) => {
        await plain('begin')
        try {
          await step()
          await plain('commit')
        } catch (error) {
          await plain('rollback').catch(() => {})
          throw error
        }
      },
    })
  } finally {
    await client.end().catch(() => {})
  }
}
