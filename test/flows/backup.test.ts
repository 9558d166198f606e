import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import { createSite, get, postJson, type Site, waitFor } from './running-program.ts'

const host = { host: 'auth.example.com' }
const password = 'a password for carol'

let site: Site
afterEach(() => site.remove())

const file = () => join(site.folder, 'data/gatehouse.db')
const signIn = () => postJson(`${site.url}/login`, { username: 'carol', password }, host)

describe('gatehouse backup', () => {
  it('copies the database of a running Gatehouse, and is restored by copying it back', async () => {
    site = await createSite()
    await site.run(['migrate'])
    await site.run(['user', 'add', 'carol'], `${password}\n`)
    const running = await site.start()
    const backup = join(site.folder, 'kept.db')
    const done = await site.run(['backup', 'kept.db'])
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining(`to ${backup}`) })
    const again = await site.run(['backup', 'kept.db'])
    expect(again).toMatchObject({
      code: 1,
      stderr: `gatehouse: database ${backup}: is there already, and left as it is: name another file\n`,
    })
    const nowhere = await site.run(['backup', 'missing/kept.db'])
    const copying = `database ${join(site.folder, 'missing/kept.db')}.`
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining(copying)])
    expect(nowhere.stderr).toContain(`while copying ${file()} to it`)
    await site.run(['user', 'add', 'later'], `${password}\n`)
    for (let count = 0; count < 5; count += 1) expect((await signIn()).status).toBe(200)
    const log = readFileSync(`${file()}-wal`)
    await running.stop()

    copyFileSync(backup, file())
    writeFileSync(`${file()}-wal`, log)
    const refused = await site.run(['serve'])
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain(`remove ${file()}-wal and ${file()}-shm`)
    writeFileSync(`${file()}-wal`, '')
    await site.start()
    expect((await signIn()).status).toBe(200)
    const { stdout } = await site.run(['user', 'list', '--json'])
    expect((JSON.parse(stdout) as { username: string }[]).map(({ username }) => username)).toEqual(['carol'])
  })

  it('leaves Postgres to its own tools, and makes nothing of a database that is not there', async () => {
    site = await createSite('database: postgres://gh:secret@127.0.0.1:1/gh?sslmode=require\n')
    expect(await site.run(['backup', 'kept.db'])).toMatchObject({ code: 1, stderr: expect.stringContaining('pg_dump') })
    site.configure(`issuer: https://auth.example.com\nmaster_key: \${KEY}\n`)
    const { code, stderr } = await site.run(['backup', 'kept.db'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('nothing to copy')])
    expect(() => statSync(join(site.folder, 'kept.db'))).toThrow('ENOENT')
  })
})

describe('a database', () => {
  it('that another process has locked is named by /readyz and /metrics, and that it is free again', async () => {
    site = await createSite()
    await site.run(['migrate'])
    await site.run(['user', 'add', 'carol'], `${password}\n`)
    const running = await site.start()
    const other = new Database(file())
    other.exec('begin exclusive')
    expect((await signIn()).status).toBe(503)
    const reason = 'the database is locked by another process'
    expect((await get(`${site.url}/readyz`)).json).toMatchObject({ reason })
    expect((await get(`${site.url}/metrics`, host)).text).toContain('\ngatehouse_writes_failing 1\n')
    other.exec('rollback')
    other.close()
    await waitFor(async () => (await signIn()).status === 200)
    expect((await get(`${site.url}/readyz`)).json).toEqual({ status: 'ready' })
    expect((await get(`${site.url}/metrics`, host)).text).toContain('\ngatehouse_writes_failing 0\n')
    expect(running.output()).toContain('writes succeed again')
  })

  it('that is damaged is told of in one line, and nothing is ready', async () => {
    site = await createSite()
    await site.run(['migrate'])
    await site.run(['user', 'add', 'carol'], `${password}\n`)
    const first = await site.start()
    await first.stop()
    const opened = new Database(file())
    const pages = opened.prepare("select rootpage from sqlite_master where tbl_name = 'sessions'").pluck().all()
    opened.close()
    const bytes = readFileSync(file())
    for (const page of pages) bytes.fill(0xff, (Number(page) - 1) * 4096, Number(page) * 4096)
    writeFileSync(file(), bytes)
    const running = await site.start()
    expect((await signIn()).status).toBe(500)
    expect(await get(`${site.url}/readyz`)).toMatchObject({ status: 503, json: { reason: 'the database is damaged' } })
    const lines = running.output().split('the database is damaged: stop, and restore a backup (docs/guides/backup.md)')
    expect(lines).toHaveLength(2)
    expect(running.output()).not.toContain('try again later')
    expect((await get(`${site.url}/livez`)).status).toBe(200)
  })
})

describe('a pid file that cannot be written', () => {
  it('ends the start where it was asked for, and is warned of where it was not', async () => {
    site = await createSite()
    await site.run(['migrate'])
    // A folder in its place: nobody, root neither, can put a file there.
    mkdirSync(`${file()}.pid`)
    const running = await site.start()
    expect(running.output()).toContain(`pid_file ${file()}.pid cannot be written`)
    expect((await running.stop()).code).toBe(0)
    site.configure(`${readFileSync(join(site.folder, 'gatehouse.yaml'), 'utf8')}pid_file: data/gatehouse.db.pid\n`)
    expect(await site.run(['serve'])).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be written') })
  })
})
