import { RemovalClock } from '@gatehouse/core/removal-clock'
import type { Clock } from '@gatehouse/core/time'
import { type CompiledQuery, type Driver, Kysely, type QueryResult } from 'kysely'
import type { Dialect } from './dialect.ts'
import type { GrantBatch } from './grant-rotation.ts'
import type { Runner } from './runner.ts'
import type { Schema } from './schema.ts'
import type { Writes } from './write-watch.ts'

/** What the tables stand on: the database as a whole, or one transaction. */
export interface Connection extends Runner {
  readonly dialect: Dialect
  readonly clock: Clock
  /** What expired by this one may be removed. */
  readonly removal: RemovalClock
  /** The query builder; its statements run on this connection. */
  readonly db: Kysely<Schema>
  readonly inTransaction: boolean
  /** Runs in one transaction: in the present one where this connection is one already. */
  transaction<T>(run: (connection: Connection) => Promise<T>): Promise<T>
  /** Where one round trip can carry the refreshes of many requests (Postgres, outside a transaction). */
  readonly grantBatch?: GrantBatch
}

/** One migration at a time, under a lock that keeps every other process out. */
export interface MigrationSession {
  readonly connection: Connection
  /** Runs in a transaction where the lock is not one already; again for as long as somebody holds a table that it needs. */
  atomically(run: () => Promise<void>): Promise<void>
  /** As `atomically`, outside a transaction: what was done before the table was met is done again. */
  piecemeal(run: () => Promise<void>): Promise<void>
}

/** Somebody for whom a migration waits. */
export interface LockHolder {
  /** Another process that migrates, or whoever uses a table that is to be changed (a backup that is being made, a report). */
  readonly lock: 'migrations' | 'table'
  /** Its process id at Postgres, where known. */
  readonly pid: number | undefined
}

/** Hears, after two seconds and then every half minute, for whom a migration waits. */
export type OnWaiting = (holder: LockHolder) => void

/** A database that has been opened. */
export interface Database {
  readonly connection: Connection
  readonly writes: Writes
  migrating<T>(run: (session: MigrationSession) => Promise<T>, onWaiting?: OnWaiting): Promise<T>
  ping(): Promise<void>
  listen(onHint: (channel: string) => void, onMessage: OnMessage): Promise<() => Promise<void>>
  notify(channel: HintChannel): Promise<void>
  broadcast(messages: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** What other processes are told to look at again. */
export const hintChannels = ['revocations', 'signing-keys'] as const
/** See {@link hintChannels}. */
export type HintChannel = (typeof hintChannels)[number]

/** Hears what another process said, and what this one said itself. */
export type OnMessage = (message: string) => void

/** What a connection is made of. */
export interface ConnectionParts {
  readonly runner: Runner
  readonly dialect: Dialect
  readonly clock: Clock
  /** Left out: one of its own. */
  readonly removal?: RemovalClock
  /** How to open a transaction; absent where this is one. */
  readonly begin?: <T>(run: (runner: Runner) => Promise<T>) => Promise<T>
  readonly grantBatch?: GrantBatch
}

/** Builds a connection over a runner. Cost: about a microsecond, so a transaction can have its own. */
export function buildConnection(parts: ConnectionParts): Connection {
  const { runner, dialect, clock, begin, removal = new RemovalClock(clock) } = parts
  let db: Kysely<Schema> | undefined
  const connection: Connection = {
    dialect,
    clock,
    removal,
    // Many a transaction has hot statements alone, which are compiled already.
    get db() {
      db ??= new Kysely<Schema>({ dialect: { ...dialect.builder, createDriver: () => buildDriver(runner) } })
      return db
    },
    inTransaction: begin === undefined,
    run: (query) => runner.run(query),
    transaction: (run) =>
      begin ? begin((inner) => run(buildConnection({ runner: inner, dialect, clock, removal }))) : run(connection),
    ...(parts.grantBatch && { grantBatch: parts.grantBatch }),
  }
  return connection
}

/** Lets the query builder run its statements on a runner. Transactions are the connection's own, not the builder's. */
function buildDriver(runner: Runner): Driver {
  const connection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const { rows, changes } = await runner.run({ sql: query.sql, parameters: query.parameters })
      // The builder derives Row from the very statement that was sent.
      return { rows: rows as Row[], numAffectedRows: BigInt(changes) }
    },
    streamQuery(): never {
      throw new Error('Rows are not streamed')
    },
  }
  const refuse = async (): Promise<never> => {
    throw new Error('Transactions are opened by the store')
  }
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    releaseConnection: async () => {},
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: async () => {},
  }
}
