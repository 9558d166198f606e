import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '@gatehouse/core/time'
import pg from 'pg'
import { buildConnection, type Database, type MigrationSession, type OnWaiting } from '../database.ts'
import { advisoryLocks, postgresDialect } from '../dialect.ts'
import type { Result, Runner } from '../runner.ts'
import { runInTransaction, withinLimit } from '../transaction.ts'
import { createGrantBatch } from './grant-batch.ts'
import { channelName, type Listening, listenToOthers, messageChannel } from './listen.ts'
import { connectionOptions, PostgresPool, patientTime, runOn } from './pool.ts'
import { buildPostgresError, isLockTimeout } from './postgres-error.ts'

/**
 * How long a migration waits for a table at a time, and how long it lets others have their turn then, in milliseconds: while it
 * waits, everybody else waits behind it.
 */
const [tableLockPatience, tableLockPause] = [150, 850]
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
  let listening: Listening | undefined
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
    migrating: (run, onWaiting) => migrating({ url, clock, pool, onWaiting }, run),
    ping: async () => {
      // By what requests go by, but for where all of its connections are taken: they may be waiting for one lock.
      const beside = pool.isExhausted ? listening?.probe() : undefined
      const asked = beside ?? pool.run({ sql: 'select 1', parameters: [] })
      await withinLimit(asked, 900).catch((error: unknown) => {
        throw buildPostgresError(error)
      })
    },
    listen: async (onHint, onMessage) => {
      const started = await listenToOthers(url, { onHint, onMessage })
      listening = started
      return async () => {
        if (listening === started) listening = undefined
        await started.stop()
      }
    },
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

/** Of the one column that was selected. */
const firstPid = ({ rows }: Pick<Result, 'rows'>): number | undefined =>
  (rows as readonly { readonly pid: number }[])[0]?.pid

/** Tries until it has the lock, and tells who has it meanwhile. */
async function waitForLock(runner: Runner, onWaiting: OnWaiting): Promise<void> {
  let tellAt = performance.now() + silence
  while (!(await takeLock(runner))) {
    if (performance.now() >= tellAt) {
      tellAt = performance.now() + reminder
      const held = await runner.run({ sql: holderStatement, parameters: [advisoryLocks.migrations] })
      onWaiting({ lock: 'migrations', pid: firstPid(held) })
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

/**
 * Tries until nobody holds a table that it needs, and tells who does meanwhile: whoever that is stands in the database only while a
 * try waits for it, and so another connection looks then.
 */
async function retry(
  attempt: () => Promise<void>,
  findHolder: () => Promise<number | undefined>,
  onWaiting: OnWaiting,
) {
  let tellAt = performance.now() + silence
  for (;;) {
    let holder: number | undefined
    const look = setTimeout(() => {
      findHolder().then(
        (pid) => {
          holder = pid
        },
        () => {},
      )
    }, tableLockPatience / 3)
    try {
      return await attempt()
    } catch (error) {
      if (!isLockTimeout(error)) throw error
    } finally {
      clearTimeout(look)
    }
    if (performance.now() >= tellAt) {
      tellAt = performance.now() + reminder
      onWaiting({ lock: 'table', pid: holder })
    }
    await delay(tableLockPause)
  }
}

const blockerStatement = 'select unnest(pg_blocking_pids($1)) as pid limit 1'

interface MigratingOptions {
  readonly url: string
  readonly clock: Clock
  /** To look while the connection that migrates is busy. */
  readonly pool: Runner
  readonly onWaiting: OnWaiting | undefined
}

/** A connection without time limits, which holds the lock until it ends. */
async function migrating<T>(
  { url, clock, pool, onWaiting = () => {} }: MigratingOptions,
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
    const { rows: own } = await plain('select pg_backend_pid() as pid')
    const findHolder = async () =>
      firstPid(await pool.run({ sql: blockerStatement, parameters: [firstPid({ rows: own })] }))
    const inTransaction = async (step: () => Promise<void>) => {
      await plain('begin')
      try {
        await step()
        await plain('commit')
      } catch (error) {
        await plain('rollback').catch(() => {})
        throw error
      }
    }
    return await run({
      connection: buildConnection({ runner, dialect: postgresDialect, clock }),
      atomically: (step) => retry(() => inTransaction(step), findHolder, onWaiting),
      piecemeal: (step) => retry(step, findHolder, onWaiting),
    })
  } finally {
    await client.end().catch(() => {})
  }
}
