import { setTimeout as wait } from 'node:timers/promises'
import { ManualClock } from '@gatehouse/core/time'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Database, LockHolder } from './database.ts'
import { findMigrationState, migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { openPostgres } from './postgres/open-postgres.ts'
import { openSqlite } from './sqlite/open-sqlite.ts'
import { databaseKinds, TestDatabases } from './testing/databases.ts'
import { describeSchema } from './testing/describe-schema.ts'

const databases = new TestDatabases()
afterAll(() => databases.stop())
const opened: Database[] = []
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close()
})

const addTable = (name: string, options: { fails?: boolean } = {}): Migration => ({
  name,
  async up({ schema, dialect }) {
    await schema
      .createTable(`t${name.slice(0, 4)}`)
      .addColumn('id', dialect.text)
      .execute()
    if (options.fails) throw new Error('gone wrong half way')
  },
})
const [first, second, third] = ['0001-one', '0002-two', '0003-three'].map((name) => addTable(name)) as [
  Migration,
  Migration,
  Migration,
] // three names

describe.each(databaseKinds)('migrations on %s', (kind) => {
  const open = async (url?: string): Promise<Database> => {
    const options = { url: url ?? (await databases.newUrl(kind)), clock: new ManualClock() }
    const database = await (kind === 'Postgres' ? openPostgres(options) : openSqlite(options))
    opened.push(database)
    return database
  }
  const schemaOf = ({ connection }: Database) => describeSchema(connection, connection.dialect)

  it('lead from each older state to what a fresh database has', async () => {
    const fresh = await open()
    await migrate(fresh, migrations)
    const expected = await schemaOf(fresh)
    for (let known = 0; known <= migrations.length; known += 1) {
      const older = await open()
      expect(await migrate(older, migrations.slice(0, known))).toHaveLength(known)
      expect(await migrate(older, migrations)).toHaveLength(migrations.length - known)
      expect(await migrate(older, migrations)).toEqual([])
      expect(await schemaOf(older)).toEqual(expected)
    }
  })

  it('leave every column that changes at each refresh without an index', async () => {
    const database = await open()
    await migrate(database, migrations)
    const indexes = (await schemaOf(database))
      .map((row) => JSON.stringify(row))
      .filter((row) => /index/i.test(row) && /grants/.test(row))
    expect(indexes.length).toBeGreaterThanOrEqual(4)
    for (const index of indexes.filter((row) => !/create table/i.test(row))) {
      expect(index).not.toMatch(/generation|rotated_at|idle_expires_at|access_expires_at/)
    }
  })

  it('run in order, each once, and only what is missing', async () => {
    const database = await open()
    expect(await migrate(database, [first])).toEqual([first.name])
    expect((await findMigrationState(database.connection, [first, second, third])).pending).toEqual([second, third])
    expect(await migrate(database, [first, second, third])).toEqual([second.name, third.name])
  })

  it('leave nothing of one that fails half way', async () => {
    const database = await open()
    await migrate(database, [first])
    const before = await schemaOf(database)
    await expect(migrate(database, [first, addTable(second.name, { fails: true })])).rejects.toThrow('half way')
    expect(await schemaOf(database)).toEqual(before)
    expect(await migrate(database, [first, second])).toEqual([second.name])
  })

  it('accept a database that a newer program migrated, and say so', async () => {
    const database = await open()
    await migrate(database, [first, second, third])
    expect(await migrate(database, [first])).toEqual([])
    const state = await findMigrationState(database.connection, [first])
    expect(state).toEqual({ pending: [], unknown: [second.name, third.name] })
  })

  it('refuse a database that went another way', async () => {
    const database = await open()
    await migrate(database, [first, second])
    await expect(migrate(database, [first, third])).rejects.toMatchObject({
      code: 'server_error',
      cause: { message: expect.stringContaining(`has the migrations ${second.name}, which are not known here`) },
    })
    await expect(migrate(database, [second, third])).rejects.toMatchObject({
      code: 'server_error',
      cause: { message: expect.stringContaining(first.name) },
    })
  })

  it('may run outside a transaction, where Postgres builds an index without keeping writers out', async () => {
    const database = await open()
    await migrate(database, [first])
    const concurrent: Migration = {
      name: '0002-index',
      outsideTransaction: true,
      async up({ run, dialect: { concurrently } }) {
        await run(sql`drop index ${concurrently} if exists t0001_id`)
        await run(sql`create index ${concurrently} t0001_id on t0001 (id)`)
      },
    }
    expect(await migrate(database, [first, concurrent])).toEqual([concurrent.name])
    if (kind !== 'Postgres') return
    const { outsideTransaction: _, ...inside } = concurrent
    const other = await open()
    await expect(migrate(other, [first, inside])).rejects.toMatchObject({ code: 'server_error' })
  })

  if (kind === 'Postgres') {
    it('say after two seconds for which connection they wait', async () => {
      const url = await databases.newUrl(kind)
      const [holder, other] = [await open(url), await open(url)]
      const told: LockHolder[] = []
      let waiting: Promise<readonly string[]> | undefined
      const pid = await holder.migrating(async ({ connection }) => {
        waiting = migrate(other, [first], (of) => told.push(of))
        await wait(1500)
        expect(told).toEqual([])
        await wait(2000)
        const { rows } = await connection.run({ sql: 'select pg_backend_pid() as pid', parameters: [] })
        return (rows as readonly { readonly pid: number }[])[0]?.pid // the one column that was selected
      })
      expect(await waiting).toEqual([first.name])
      expect(pid).toBeGreaterThan(0)
      expect(told).toEqual([{ lock: 'migrations', pid }])
    })

    it.each([false, true])(
      'wait for whoever uses a table, say for whom, and let others have it (outside a transaction: %s)',
      async (outside) => {
        const url = await databases.newUrl(kind)
        const [database, other] = [await open(url), await open(url)]
        await migrate(database, [first])
        const told: LockHolder[] = []
        const change: Migration = {
          name: second.name,
          ...(outside ? { outsideTransaction: true } : {}),
          async up({ run }) {
            await run(sql`alter table t0001 add column more text`)
          },
        }
        const dump = new pg.Client(url)
        await dump.connect()
        const { rows } = await dump.query('select pg_backend_pid() as pid')
        await dump.query('begin')
        await dump.query('lock table t0001 in access share mode')
        const migrated = migrate(database, [first, change], (holder) => told.push(holder))
        await wait(500)
        // Behind the migration, which gives up after a second.
        await expect(other.connection.run({ sql: 'select id from t0001', parameters: [] })).resolves.toBeDefined()
        expect(told).toEqual([])
        await wait(2500)
        await dump.query('commit')
        await dump.end()
        expect(await migrated).toEqual([second.name])
        expect(told).toEqual([{ lock: 'table', pid: rows[0].pid }])
      },
    )
  }

  if (kind !== 'SQLite in memory') {
    it('are run by one of several processes that start together', async () => {
      const url = await databases.newUrl(kind)
      const all = await Promise.all([open(url), open(url), open(url)])
      const ran = await Promise.all(all.map((database) => migrate(database, migrations)))
      expect(ran.flat()).toEqual(migrations.map((migration) => migration.name))
    })

    it('wait for nobody where there is nothing to do', async () => {
      const url = await databases.newUrl(kind)
      const [holder, other] = [await open(url), await open(url)]
      await migrate(holder, [first])
      await holder.migrating(async () => {
        if (kind === 'Postgres') expect(await migrate(other, [first])).toEqual([])
      })
      expect(await migrate(other, [first])).toEqual([])
    })

    it('let the other processes wait while one builds an index without keeping writers out', async () => {
      const url = await databases.newUrl(kind)
      const all = await Promise.all([open(url), open(url), open(url)])
      const slow: Migration = {
        name: '0002-index',
        outsideTransaction: true,
        async up({ run, dialect: { concurrently } }) {
          await wait(300)
          await run(sql`create index ${concurrently} t0001_id on t0001 (id)`)
        },
      }
      const ran = await Promise.all(all.map((database) => migrate(database, [first, slow])))
      expect(ran.flat()).toEqual([first.name, slow.name])
    })
  }
})
