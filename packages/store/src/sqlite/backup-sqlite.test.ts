import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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

  it('has its name once it is complete, and not where the process was killed half way', async () => {
    const opened = new Database(database)
    opened.exec(`create table big (x blob); with recursive n(i) as (select 1 union all select i + 1 from n where i < 1500)
      insert into big select randomblob(65536) from n`)
    opened.close()
    const script = `import('${new URL('backup-sqlite.ts', import.meta.url)}').then((it) => it.backupSqlite(...process.argv.slice(1)))`
    const loader = new URL('../testing/register-typescript.mjs', import.meta.url).href
    const node = ['--conditions=gatehouse-source', '--import', loader, '--eval', script, database, backup]
    const child = spawn(process.execPath, node, { env: { ...process.env, NODE_OPTIONS: '' }, stdio: 'inherit' })
    const ended = once(child, 'close')
    const hasBegun = () => readdirSync(folder).some((name) => name.startsWith('backup.db') && sizeOf(name) > 0)
    const sizeOf = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
    while (child.exitCode === null && !hasBegun()) await new Promise((resolve) => setTimeout(resolve, 1))
    child.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(existsSync(backup)).toBe(false)
    expect(readdirSync(folder)).toContain(`backup.db.${child.pid}.part`)
    // What was left is in nobody's way.
    backupSqlite(database, backup)
    expect(statSync(backup).size).toBeGreaterThan(90_000_000)
  })

  it('that cannot be written is told apart from a database that cannot be read', async () => {
    await use(1)
    const missing = join(folder, 'missing', 'backup.db')
    expect(() => backupSqlite(database, missing)).toThrow(
      expect.objectContaining({ name: 'CopyError', code: 'ENOENT' }),
    )
    mkdirSync(`${backup}.${process.pid}.part-journal`)
    // SQLite cannot make its journal there.
    const unwritten = { name: 'CopyError', code: expect.stringMatching(/^SQLITE_/), path: backup }
    expect(() => backupSqlite(database, backup)).toThrow(expect.objectContaining(unwritten))
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
    const unread = { name: 'SqliteError', code: 'SQLITE_CANTOPEN' }
    expect(() => backupSqlite(join(folder, 'none.db'), backup)).toThrow(expect.objectContaining(unread))
  })

  it('is made where the file system has no hard links, and overwrites nothing there either', async () => {
    await use(1)
    vi.resetModules()
    vi.doMock('node:fs', async (load) => ({
      ...(await load<typeof import('node:fs')>()),
      linkSync: () => {
        throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
      },
    }))
    const { backupSqlite: backUp } = await import('./backup-sqlite.ts')
    vi.doUnmock('node:fs')
    vi.resetModules()
    backUp(database, backup)
    expect(countMarks(backup)).toEqual([1, 'ok'])
    expect(() => backUp(database, backup)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([])
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
