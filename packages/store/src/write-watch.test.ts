import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPostgres } from './postgres/open-postgres.ts'
import { runSql } from './runner.ts'
import { openSqlite } from './sqlite/open-sqlite.ts'
import { openStore } from './store.ts'
import { startPostgres } from './testing/postgres.ts'
import { WriteWatch } from './write-watch.ts'

const clock = new ManualClock()

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-writes-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

describe('what is known of writes', () => {
  it('is told when it changes, and to one who comes later', () => {
    const [watch, told]: [WriteWatch, unknown[]] = [new WriteWatch(), []]
    watch.failed('full')
    watch.onChange((trouble) => told.push(trouble))
    watch.failed('full')
    watch.failed(undefined)
    watch.succeeded()
    expect(told).toEqual(['full', undefined])
    expect(watch.trouble).toBeUndefined()
  })

  it('forgets a lock after ten seconds, and damage never', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const watch = new WriteWatch()
    watch.failed('locked')
    vi.advanceTimersByTime(9000)
    expect(watch.trouble).toBe('locked')
    vi.advanceTimersByTime(2000)
    expect(watch.trouble).toBeUndefined()
    watch.failed('damaged')
    watch.failed('full')
    watch.succeeded()
    expect(watch.trouble).toBe('damaged')
  })
})

describe('a lock of a part alone', () => {
  it('is not forgotten for a write elsewhere, so that not each of them is told of, but after ten seconds', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const [watch, told]: [WriteWatch, unknown[]] = [new WriteWatch({ locksInPart: true }), []]
    watch.onChange((trouble) => told.push(trouble))
    for (let round = 0; round < 3; round += 1) {
      watch.failed('locked')
      watch.succeeded()
    }
    expect(told).toEqual(['locked'])
    vi.advanceTimersByTime(11_000)
    watch.succeeded()
    expect(told).toEqual(['locked', undefined])
  })

  it('takes the place of nothing that keeps everything from being written', () => {
    const [watch, told]: [WriteWatch, unknown[]] = [new WriteWatch({ locksInPart: true }), []]
    watch.onChange((trouble) => told.push(trouble))
    watch.failed('full')
    watch.failed('locked')
    expect(watch.trouble).toBe('full')
    watch.succeeded()
    watch.failed('locked')
    expect(told).toEqual(['full', undefined, 'locked'])
  })
})

describe('writes to SQLite', () => {
  it('fail where there is no room, until one succeeds that changes something', async () => {
    const { connection, writes, close } = await openSqlite({ url: join(folder, 'full.db'), clock })
    await runSql(connection, 'create table t (x text)')
    await runSql(connection, 'insert into t values (1)')
    const fill = () => runSql(connection, 'insert into t values (?)', ['x'.repeat(100_000)])
    await runSql(connection, 'pragma max_page_count = 3')
    await expect(fill()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(writes.trouble).toBe('full')
    await connection.transaction(async () => {})
    await runSql(connection, 'select * from t')
    await runSql(connection, 'delete from t where x = ?', ['none'])
    const undone = connection.transaction(async (inner) => {
      await runSql(inner, "update t set x = 'other'")
      throw new Error('thought better of it')
    })
    await expect(undone).rejects.toThrow('thought better of it')
    await runSql(connection, 'delete from t where x = ?', ['none'])
    const failed = connection.transaction(async (inner) => {
      await runSql(inner, "update t set x = 'other'")
      await runSql(inner, 'insert into nowhere values (1)')
    })
    await expect(failed).rejects.toMatchObject({ code: 'server_error' })
    await runSql(connection, 'delete from t where x = ?', ['none'])
    expect(writes.trouble).toBe('full')
    await runSql(connection, 'pragma max_page_count = 1000')
    await connection.transaction((inner) => runSql(inner, 'insert into t values (2)'))
    expect(writes.trouble).toBeUndefined()
    await close()
  })

  it('fail where another process has a lock', async () => {
    const url = join(folder, 'locked.db')
    const store = await openStore({ url, clock })
    await store.migrate()
    const other = new Database(url)
    other.exec('begin exclusive')
    await expect(store.tryWriting()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(store.writes.trouble).toBe('locked')
    other.exec('rollback')
    other.close()
    await store.tryWriting()
    expect(store.writes.trouble).toBeUndefined()
    await store.close()
  })

  it('are not trusted where the file is damaged, and to try again is not advised', async () => {
    const url = join(folder, 'damaged.db')
    const store = await openStore({ url, clock })
    await store.migrate()
    await store.close()
    const opened = new Database(url)
    const pages = opened.prepare("select rootpage from sqlite_master where tbl_name = 'users'").pluck().all()
    opened.close()
    const bytes = readFileSync(url)
    for (const page of pages) bytes.fill(0xff, (Number(page) - 1) * 4096, Number(page) * 4096)
    writeFileSync(url, bytes)
    const again = await openStore({ url, clock })
    await expect(again.users.count()).rejects.toMatchObject({
      code: 'server_error',
      cause: { code: expect.stringMatching(/^SQLITE_CORRUPT/) },
    })
    expect(again.writes.trouble).toBe('damaged')
    await again.close()
  })
})

describe('writes to Postgres', () => {
  it('fail where it is read-only, until one succeeds', async () => {
    const postgres = await startPostgres()
    const { connection, writes, close } = await openPostgres({ url: postgres.url, clock })
    await runSql(connection, 'create table t (x text)')
    const write = 'insert into t values (1)'
    const writeReadOnly = () =>
      connection.transaction(async (inner) => {
        await runSql(inner, 'set transaction read only')
        await runSql(inner, write)
      })
    await expect(writeReadOnly()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(writes.trouble).toBe('read-only')
    await runSql(connection, 'select 1')
    expect(writes.trouble).toBe('read-only')
    const undone = connection.transaction(async (inner) => {
      await runSql(inner, write)
      throw new Error('thought better of it')
    })
    await expect(undone).rejects.toThrow('thought better of it')
    expect(writes.trouble).toBe('read-only')
    await connection.transaction(async (inner) => {
      await runSql(inner, write)
      expect(writes.trouble).toBe('read-only')
    })
    expect(writes.trouble).toBeUndefined()
    await expect(writeReadOnly()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    await runSql(connection, write)
    expect(writes.trouble).toBeUndefined()
    await close()
    await postgres.stop()
  })
})
