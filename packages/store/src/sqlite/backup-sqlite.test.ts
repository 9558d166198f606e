import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../store.ts'
import { backupSqlite } from './backup-sqlite.ts'

const clock = new ManualClock()

let folder: string
let [database, backup] = ['', '']
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-backup-'))
  ;[database, backup] = [join(folder, 'gatehouse.db'), join(folder, 'backup.db')]
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const use = async (marks: number): Promise<number> => {
  const store = await openStore({ url: database, clock })
  await store.migrate()
  for (let count = 0; count < marks; count += 1) await store.tryWriting()
  return Number(await store.close())
}
const countMarks = (path: string): unknown => {
  const opened = new Database(path, { readonly: true })
  const count = opened.prepare('select count(*) from used_identifiers').pluck().get()
  const check = opened.pragma('integrity_check', { simple: true })
  opened.close()
  return [count, check]
}

describe('a backup of a SQLite file', () => {
  it('is made while others write, complete and private, and is a database of its own', async () => {
    const store = await openStore({ url: database, clock })
    await store.migrate()
    await store.tryWriting()
    const writing = Promise.all(Array.from({ length: 50 }, () => store.tryWriting()))
    expect(backupSqlite(database, backup)).toBe(statSync(backup).size)
    await writing
    await store.close()
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(countMarks(backup)).toEqual([1, 'ok'])
    rmSync(database)
    copyFileSync(backup, database)
    await use(1)
    expect(countMarks(database)).toEqual([2, 'ok'])
  })

  it('overwrites nothing, and leaves no half of one', async () => {
    await use(1)
    writeFileSync(backup, '')
    expect(() => backupSqlite(database, backup)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    rmSync(backup)
    writeFileSync(database, 'no database')
    expect(() => backupSqlite(database, backup)).toThrow(expect.objectContaining({ code: 'SQLITE_NOTADB' }))
    expect(existsSync(backup)).toBe(false)
  })

  it('is refused in the place of a database whose write-ahead log was left, and damaged by none', async () => {
    await use(1)
    backupSqlite(database, backup)
    // What is written later, by a process that does not end well, is in the log alone.
    const store = await openStore({ url: database, clock })
    for (let count = 0; count < 300; count += 1) await store.tryWriting()
    const log = readFileSync(`${database}-wal`)
    await store.close()
    expect(log.length).toBeGreaterThan(0)
    copyFileSync(backup, database)
    writeFileSync(`${database}-wal`, log)
    await expect(openStore({ url: database, clock })).rejects.toMatchObject({
      code: 'server_error',
      cause: { message: expect.stringContaining(`remove ${database}-wal and ${database}-shm`) },
    })
    rmSync(`${database}-wal`)
    await use(1)
    expect(countMarks(database)).toEqual([2, 'ok'])
  })

  it('is not mistaken for a database that a process left by kill -9', async () => {
    await use(1)
    const store = await openStore({ url: database, clock })
    await store.tryWriting()
    for (const end of ['', '-wal']) copyFileSync(database + end, backup + end)
    await store.close()
    database = backup
    await use(0)
    expect(countMarks(database)).toEqual([2, 'ok'])
  })
})
