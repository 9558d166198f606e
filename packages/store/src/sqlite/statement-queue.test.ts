import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runSql } from '../runner.ts'
import { openStore, prepareStore } from '../store.ts'
import { runInTransaction } from '../transaction.ts'
import { StatementQueue } from './statement-queue.ts'
import { setSqliteWorkerUrl, WorkerThread } from './worker-thread.ts'

let folder: string
let path: string
let thread: WorkerThread
let queue: StatementQueue

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-sqlite-'))
  path = join(folder, 'test.db')
  thread = WorkerThread.start()
  await thread.open(path)
  queue = new StatementQueue(thread)
  await runSql(
    queue,
    'create table things (id text primary key, parent text references things (id) deferrable initially deferred) strict',
  )
})

afterEach(async () => {
  await queue.close()
  await thread.close()
  rmSync(folder, { recursive: true, force: true })
})

const insert = (id: string, parent: string | null = null) =>
  runSql(queue, 'insert into things (id, parent) values (?, ?)', [id, parent])
const ids = async () =>
  (await runSql(queue, 'select id from things order by id')).rows.map((row) => Object.values(row as object)[0])

/** How many transactions the write-ahead log holds: frames that close one carry the size of the database. */
function countCommits(): number {
  const log = readFileSync(`${path}-wal`)
  const frame = 24 + log.readUInt32BE(8)
  let commits = 0
  for (let position = 32; position + frame <= log.length; position += frame) {
    if (log.readUInt32BE(position + 4) > 0) commits += 1
  }
  return commits
}

describe('statements of one tick', () => {
  it('commit together, and those of the next tick apart', async () => {
    const before = countCommits()
    await Promise.all(Array.from({ length: 100 }, (_, index) => insert(`a${index}`)))
    expect(countCommits()).toBe(before + 1)
    await insert('b')
    expect(countCommits()).toBe(before + 2)
  })

  it('fail alone', async () => {
    const before = countCommits()
    const outcomes = await Promise.allSettled([insert('a'), insert('a'), insert('b'), runSql(queue, 'select nonsense')])
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'))).toEqual([
      'done',
      'already_exists',
      'done',
      'server_error',
    ])
    expect(await ids()).toEqual(['a', 'b'])
    expect(countCommits()).toBe(before + 1)
  })

  it('are all rejected when their COMMIT fails', async () => {
    const outcomes = await Promise.allSettled([insert('a'), insert('child', 'nobody'), insert('b')])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(await ids()).toEqual([])
  })

  it('are all rejected when the disk is full, as temporarily_unavailable', async () => {
    await runSql(queue, 'pragma max_page_count = 8')
    const big = 'x'.repeat(100_000)
    const outcomes = await Promise.allSettled([insert('small'), insert(big), insert('other')])
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'temporarily_unavailable' } })
    expect(await ids()).toEqual([])
    await insert('small')
  })

  it('are answered where they only read, beside others that find the disk full or the database read-only', async () => {
    await insert('a')
    const beside = async (write: Promise<unknown>) => {
      const [failed, read] = await Promise.allSettled([write, ids()])
      expect(failed).toMatchObject({ reason: { code: 'temporarily_unavailable' } })
      expect(read).toEqual({ status: 'fulfilled', value: ['a'] })
    }
    await runSql(queue, 'pragma max_page_count = 8')
    await beside(insert('x'.repeat(100_000)))
    expect(thread.writes.trouble).toBe('full')
    await runSql(queue, 'pragma query_only = 1')
    await beside(insert('b'))
    expect(thread.writes.trouble).toBe('read-only')
    await runSql(queue, 'pragma query_only = 0')
    await insert('b')
    expect(thread.writes.trouble).toBeUndefined()
  })

  it('are answered in order, also past the size of one message', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 1200 }, (_, index) => runSql(queue, 'select ? as given', [index])),
    )
    expect(outcomes.map((outcome) => outcome.rows[0])).toEqual(outcomes.map((_, given) => ({ given })))
  })

  it('are refused past the bound of the queue, and only those', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 10_003 }, () => runSql(queue, 'select 1')))
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(3)
    expect(refused[0]).toMatchObject({ reason: { code: 'temporarily_unavailable' } })
  })
})

describe('a lock of another process', () => {
  const lock = () => {
    const other = new Database(path)
    other.exec('begin immediate')
    return () => {
      other.exec('commit')
      other.close()
    }
  }
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const took = async (work: Promise<unknown>): Promise<number> => {
    const started = performance.now()
    await work
    return performance.now() - started
  }
  const refused = (work: Promise<unknown>) => expect(work).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  const insertInTransaction = async (id: string) =>
    runInTransaction(await queue.openTransaction('immediate'), (runner) =>
      runSql(runner, 'insert into things (id) values (?)', [id]),
    )

  it('is waited for 2 s since a statement came, and then by nobody until it is gone', async () => {
    const unlock = lock()
    const first = took(refused(insert('a')))
    await sleep(100)
    const others = [took(refused(insert('b'))), took(refused(insertInTransaction('c')))]
    expect(await first).toBeGreaterThan(1900)
    expect(await first).toBeLessThan(2300)
    for (const other of await Promise.all(others)) expect(other).toBeLessThan(2300)
    expect(thread.writes.trouble).toBe('locked')
    expect(await took(refused(insert('d')))).toBeLessThan(300)
    expect(await took(refused(insertInTransaction('e')))).toBeLessThan(300)
    unlock()
    await insert('f')
    expect(thread.writes.trouble).toBeUndefined()
    await insertInTransaction('g')
    expect(await ids()).toEqual(['f', 'g'])
  })

  it('keeps no reader waiting, not even one of the same tick or behind many writes and transactions', async () => {
    const unlock = lock()
    const writes = Array.from({ length: 40 }, (_, index) => [
      insert(`a${index}`),
      insertInTransaction(`b${index}`),
    ]).flat()
    const times = [await took(ids())]
    for (let round = 0; round < 10; round += 1) {
      times.push(await took(ids()))
      await sleep(20)
    }
    unlock()
    await Promise.all(writes)
    expect(times.sort((a, b) => a - b)[6]).toBeLessThan(60)
    expect(Math.max(...times)).toBeLessThan(400)
    expect(await ids()).toHaveLength(80)
  })

  it('does not mix up a transaction that is given up with one that is under way', async () => {
    const unlock = lock()
    const session = await queue.openTransaction('immediate', 10)
    await refused(session.run({ sql: "insert into things (id) values ('early')", parameters: [] }))
    unlock()
    const next = await queue.openTransaction('immediate')
    await next.run({ sql: "insert into things (id) values ('inside')", parameters: [] })
    await session.rollback()
    const outside = insert('outside')
    await sleep(20)
    await next.rollback()
    await outside
    expect(await ids()).toEqual(['outside'])
  })

  it('that is gone in time is no failure', async () => {
    const other = new Database(path)
    other.exec('begin immediate')
    setTimeout(() => other.exec('commit'), 200)
    await insert('a')
    other.close()
    expect(await ids()).toEqual(['a'])
  })
})

describe('a statement with a name', () => {
  const named = (sql: string, parameters: readonly string[] = []) => queue.run({ name: 'named', sql, parameters })

  it('is known by its number ever after, also where the message that brought it came to nothing', async () => {
    const other = new Database(path)
    other.exec('begin immediate')
    const session = await queue.openTransaction('immediate', 20)
    const failed = runInTransaction(session, async (runner) => {
      await runner.run({ name: 'add', sql: 'insert into things (id) values (?)', parameters: ['lost'] })
    })
    await expect(failed).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    other.exec('commit')
    other.close()
    await Promise.all(['a', 'b'].map((id) => named('insert into things (id) values (?)', [id])))
    expect((await named('select id from things order by id')).rows).toEqual([{ id: 'a' }, { id: 'b' }])
    expect((await named('select id from things where id = ?', ['b'])).rows).toEqual([{ id: 'b' }])
  })

  it('fails while SQLite cannot make sense of it, and works once it can', async () => {
    const count = 'select count(*) as count from later'
    await expect(named(count)).rejects.toMatchObject({ code: 'server_error' })
    await expect(named(count)).rejects.toMatchObject({ code: 'server_error' })
    await runSql(queue, 'create table later (id text) strict')
    expect((await named(count)).rows).toEqual([{ count: 0 }])
  })
})

describe('a transaction', () => {
  it('has the connection for itself: what arrives meanwhile is not part of it', async () => {
    const session = await queue.openTransaction('immediate')
    await session.run({ sql: "insert into things (id) values ('inside')", parameters: [] })
    const outside = insert('outside')
    await new Promise((resolve) => setTimeout(resolve, 20))
    await session.rollback()
    await outside
    expect(await ids()).toEqual(['outside'])
  })

  it('sends what is issued in one tick in one message and commits once', async () => {
    const before = countCommits()
    const session = await queue.openTransaction('immediate')
    await runInTransaction(session, (runner) =>
      Promise.all(['a', 'b'].map((id) => runner.run({ sql: 'insert into things (id) values (?)', parameters: [id] }))),
    )
    expect(countCommits()).toBe(before + 1)
    expect(await ids()).toEqual(['a', 'b'])
  })

  it('rejects and leaves nothing when its COMMIT fails', async () => {
    const session = await queue.openTransaction('immediate')
    const failed = runInTransaction(session, async (runner) => {
      await runner.run({ sql: "insert into things (id, parent) values ('a', 'nobody')", parameters: [] })
    })
    await expect(failed).rejects.toMatchObject({ code: 'server_error' })
    expect(await ids()).toEqual([])
  })

  it('is given up when it waits for a statement from outside, and the store goes on', async () => {
    const session = await queue.openTransaction('immediate')
    let outside: Promise<unknown> | undefined
    const stuck = runInTransaction(
      session,
      async (runner) => {
        await runner.run({ sql: "insert into things (id) values ('inside')", parameters: [] })
        outside = insert('outside')
        await outside
      },
      100,
    )
    await expect(stuck).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    await outside
    expect(await ids()).toEqual(['outside'])
  })

  it('that finds the database locked rejects with temporarily_unavailable', async () => {
    const other = new Database(path)
    other.exec('begin immediate')
    const session = await queue.openTransaction('immediate', 50)
    const failed = runInTransaction(session, async (runner) => {
      await runner.run({ sql: "insert into things (id) values ('a')", parameters: [] })
    })
    await expect(failed).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    other.exec('commit')
    other.close()
    expect(await ids()).toEqual([])
  })
})

describe('the thread', () => {
  it('runs with a write-ahead log, synced at each commit, with foreign keys', async () => {
    const pragma = async (name: string) => Object.values((await runSql(queue, `pragma ${name}`)).rows[0] as object)[0]
    expect(await pragma('journal_mode')).toBe('wal')
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    expect(await pragma('busy_timeout')).toBe(20)
  })

  it('keeps more statements than it caches apart', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 600 }, (_, index) => runSql(queue, `select ${index % 300} as given`)),
    )
    expect(outcomes.map((outcome) => outcome.rows[0])).toEqual(outcomes.map((_, index) => ({ given: index % 300 })))
  })

  it('makes a file, its folder and its log for nobody else', async () => {
    const url = join(folder, 'deep', 'er', 'new.db')
    const store = await openStore({ url, clock: new ManualClock() })
    await store.migrate()
    for (const name of [url, `${url}-wal`]) expect(statSync(name).mode & 0o077, name).toBe(0)
    await store.close()
  })

  it('is taken over where it was started before, and ended where the database is another', async () => {
    const clock = new ManualClock()
    const prepared = prepareStore()
    const store = await openStore({ url: ':memory:', clock, prepared })
    await store.close()
    const gone = { code: 'temporarily_unavailable' }
    await expect(prepared.thread.open(':memory:')).rejects.toMatchObject(gone)
    const needless = prepareStore()
    const other = await openStore({ url: 'postgres://nobody@127.0.0.1:1/none', clock, prepared: needless })
    await expect(needless.thread.open(':memory:')).rejects.toMatchObject(gone)
    await other.close()
  })

  it('refuses a path that is no database', async () => {
    const clock = new ManualClock()
    await expect(openStore({ url: folder, clock })).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      cause: { code: 'EISDIR' },
    })
    const garbage = join(folder, 'garbage.db')
    writeFileSync(garbage, 'no database at all, but long enough to be read as the header of one'.repeat(20))
    await expect(openStore({ url: garbage, clock })).rejects.toMatchObject({
      code: 'server_error',
      cause: { code: 'SQLITE_NOTADB', message: 'SQLITE_NOTADB: file is not a database' },
    })
  })

  it('that ends takes everything with it: what was under way, what comes later, the ping', async () => {
    const mortal =
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1)); parentPort.postMessage({ id: 0, outcomes: [] })"
    setSqliteWorkerUrl(new URL(`data:text/javascript,${encodeURIComponent(mortal)}`))
    try {
      const store = await openStore({ url: ':memory:', clock: new ManualClock() })
      const unavailable = { code: 'temporarily_unavailable' }
      await expect(store.users.count()).rejects.toMatchObject(unavailable)
      await expect(store.users.count()).rejects.toMatchObject(unavailable)
      await expect(store.transaction(({ users }) => users.count())).rejects.toMatchObject(unavailable)
      await expect(store.ping()).rejects.toMatchObject(unavailable)
      await store.close()
    } finally {
      setSqliteWorkerUrl(undefined)
    }
  })
})
