import type { Seconds } from '@gatehouse/core/brand'
import {
  DummyDriver,
  type Expression,
  Kysely,
  type Dialect as KyselyDialect,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { Runner } from './runner.ts'
import type { Schema } from './schema.ts'

/** How the query builder is to write SQL: everything but the way to the database. */
export type BuilderDialect = Omit<KyselyDialect, 'createDriver'>

/** What is locked until the end of a transaction, where the database needs to be told (Postgres). */
export type TransactionLock = 'migrations' | 'revocations' | 'signing-keys'

/** Every difference between the two databases. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres'
  readonly builder: BuilderDialect
  /** Writes SQL and runs none: for statements that are compiled once. */
  readonly compiler: Kysely<Schema>
  /** Column type of whole numbers. */
  readonly integer: 'integer' | 'bigint'
  /** Column type of text: compared and sorted byte by byte on both. */
  readonly text: RawBuilder<string>
  /** Column type of a number that the database counts up, never reusing one. */
  readonly identity: RawBuilder<number>
  /** Whether such numbers follow the order of commits by themselves, because there is one writer at a time. */
  readonly numbersFollowCommits: boolean
  /** What follows `create table (…)`; `small`: rows of a few short columns; `updated`: rows that change often. */
  tableEnd(kind: 'plain' | 'small' | 'updated'): RawBuilder<unknown>
  /** In `create index …` and `drop index …`: without keeping writers out. Only outside a transaction. */
  readonly concurrently: RawBuilder<unknown>
  /** The greater of two values. */
  greatest<T>(left: Expression<T>, right: Expression<T>): RawBuilder<T>
  /**
   * The second of 1970 UTC in which a statement runs: by the database's clock where several machines may ask it, whose own may
   * differ, else as given.
   */
  moment(given: RawBuilder<Seconds>): RawBuilder<Seconds>
  /** Whether a column of words with one space between two has this word. */
  hasWord(column: Expression<string>, word: string): RawBuilder<boolean>
  /** Whether rows are locked one by one, so that who picks several has to take them in an order. */
  readonly locksRows: boolean
  /** Ends a query whose rows must stay as they are until the transaction ends. */
  readonly forShare: RawBuilder<unknown>
  /** Ends a subquery that picks rows to be changed: with an order, two such statements cannot deadlock. */
  readonly forUpdate: RawBuilder<unknown>
  /** As `forUpdate`, leaving out rows that somebody else holds. */
  readonly forUpdateSkippingLocked: RawBuilder<unknown>
  /** Waits for a lock and keeps it until the transaction ends. On SQLite the transaction itself is the lock. */
  lockUntilCommit(runner: Runner, lock: TransactionLock): Promise<void>
  tableExists(runner: Runner, table: string): Promise<boolean>
}

/** Numbers by which Postgres knows the locks: any that no other program on the database uses. */
export const advisoryLocks: Readonly<Record<TransactionLock, number>> = {
  migrations: 7_284_001,
  revocations: 7_284_002,
  'signing-keys': 7_284_003,
}

const buildCompiler = (builder: BuilderDialect): Kysely<Schema> =>
  new Kysely<Schema>({ dialect: { ...builder, createDriver: () => new DummyDriver() } })

const sqliteBuilder: BuilderDialect = {
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
}

/** SQLite. */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  builder: sqliteBuilder,
  compiler: buildCompiler(sqliteBuilder),
  integer: 'integer',
  text: sql`text`,
  identity: sql`integer primary key autoincrement`,
  numbersFollowCommits: true,
  // Without a rowid a short row lies in its key's own tree: one search and one page fewer.
  tableEnd: (kind) => (kind === 'small' ? sql`strict, without rowid` : sql`strict`),
  concurrently: sql``,
  greatest: (left, right) => sql`max(${left}, ${right})`,
  moment: (given) => given,
  hasWord: (column, word) => sql`instr(' ' || ${column} || ' ', ${` ${word} `}) > 0`,
  locksRows: false,
  forShare: sql``,
  forUpdate: sql``,
  forUpdateSkippingLocked: sql``,
  lockUntilCommit: async () => {},
  tableExists: async (runner, table) =>
    (await runner.run({ sql: "select 1 from sqlite_master where type = 'table' and name = ?", parameters: [table] }))
      .rows.length > 0,
}

const postgresBuilder: BuilderDialect = {
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

/** Not `now()`, which is when the transaction began: it may have waited since. */
export const postgresMoment = 'cast(floor(extract(epoch from clock_timestamp())) as bigint)'

/** Postgres. */
export const postgresDialect: Dialect = {
  name: 'postgres',
  builder: postgresBuilder,
  compiler: buildCompiler(postgresBuilder),
  integer: 'bigint',
  text: sql`text collate "C"`,
  identity: sql`bigint generated always as identity primary key`,
  numbersFollowCommits: false,
  // Room on the page lets an update stay there, without touching any index.
  tableEnd: (kind) => (kind === 'updated' ? sql`with (fillfactor = 70)` : sql``),
  concurrently: sql`concurrently`,
  greatest: (left, right) => sql`greatest(${left}, ${right})`,
  moment: () => sql.raw(postgresMoment),
  hasWord: (column, word) => sql`strpos(' ' || ${column} || ' ', ${` ${word} `}) > 0`,
  locksRows: true,
  forShare: sql`for share`,
  forUpdate: sql`for update`,
  forUpdateSkippingLocked: sql`for update skip locked`,
  lockUntilCommit: async (runner, lock) => {
    await runner.run({ sql: 'select pg_advisory_xact_lock($1)', parameters: [advisoryLocks[lock]] })
  },
  tableExists: async (runner, table) =>
    (await runner.run({ sql: 'select 1 where to_regclass($1) is not null', parameters: [table] })).rows.length > 0,
}
