import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres, type TestPostgres } from '@gatehouse/store/testing/postgres'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, onThisMachine, type Site } from './running-program.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

let site: Site
afterEach(() => site.remove())

/** What a command and a start say of the database that they are given. */
async function say(database: string): Promise<string> {
  const command = await site.run(['user', 'list'], '', { GATEHOUSE_DATABASE: database })
  const start = await site.run(['serve'], '', { GATEHOUSE_DATABASE: database })
  expect([command.code, start.code, start.stderr]).toEqual([1, 1, ''])
  expect(start.milliseconds).toBeLessThan(onThisMachine(2000))
  const { level, msg } = JSON.parse(start.stdout)
  expect(level).toBe(60)
  expect(command.stderr).toBe(`gatehouse: ${msg}\n`)
  return msg
}

describe('a database that cannot be used is named, with the reason', () => {
  it('where it is no SQLite database, a folder, or not there yet', async () => {
    site = await createSite()
    writeFileSync(
      join(site.folder, 'notes.txt'),
      'no database at all, but long enough for the header of one'.repeat(20),
    )
    mkdirSync(join(site.folder, 'folder'))
    expect(await say(join(site.folder, 'notes.txt'))).toContain(
      `database ${site.folder}/notes.txt: is not an SQLite database`,
    )
    expect(await say(join(site.folder, 'folder'))).toBe(
      `database ${site.folder}/folder: is a folder; name a file in it`,
    )
    const before = readdirSync(site.folder)
    const absent = { code: 1, stderr: expect.stringContaining('data/gatehouse.db: is not there yet') }
    expect(await site.run(['user', 'list'])).toMatchObject(absent)
    expect((await site.run(['migrate', '--pending'])).stdout).toMatch(/gatehouse\.db is not there yet\npending: 0001-/)
    expect(readdirSync(site.folder)).toEqual(before)
  })

  it.each([
    ['user', 'list'],
    ['client', 'list'],
    ['organisation', 'list'],
    ['keys', 'list'],
    ['can', '-', 'GET', '/'],
    ['explain', 'dec_x'],
    ['token', 'inspect'],
    ['backup', 'copy.db'],
  ])('and nothing is made in its place, nor a key of development mode: %s %s', async (...args) => {
    site = await createSite()
    site.configure(`issuer: http://localhost:${site.port}\nlisten: 127.0.0.1:${site.port}\n`)
    const before = readdirSync(site.folder)
    const { code, stderr } = await site.run([...args, '--dev'], 'x.y.z\n')
    expect([code, stderr]).toEqual([1, expect.stringContaining('gatehouse.db: is not there yet')])
    expect(readdirSync(site.folder)).toEqual(before)
  })

  it('and what needs neither a database nor a key makes none', async () => {
    site = await createSite()
    site.configure(`issuer: http://localhost:${site.port}\nlisten: 127.0.0.1:${site.port}\n`)
    const before = readdirSync(site.folder)
    for (const args of [['provider', 'list'], ['migrate', '--pending'], ['check']]) {
      expect([args, (await site.run([...args, '--dev'])).code]).toEqual([args, 0])
    }
    expect((await site.run(['reload', '--dev'])).stderr).toContain('does not run on this configuration')
    expect(readdirSync(site.folder)).toEqual(before)
  })

  it('with a key that is missing, which is not made anew beside a database that it would not open', async () => {
    site = await createSite()
    site.configure(`issuer: http://localhost:${site.port}\nlisten: 127.0.0.1:${site.port}\n`)
    expect((await site.run(['migrate', '--dev'])).code).toBe(0)
    rmSync(join(site.folder, 'data/development.key'))
    expect((await site.run(['user', 'list', '--dev'])).code).toBe(0)
    const { code, stderr } = await site.run(['keys', 'list', '--dev'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no development.key in ')])
    expect(readdirSync(join(site.folder, 'data'))).not.toContain('development.key')
  })

  it('where another version of Gatehouse made it', async () => {
    site = await createSite()
    expect((await site.run(['migrate'])).code).toBe(0)
    const file = join(site.folder, 'data/gatehouse.db')
    const database = new Database(file)
    database.exec("insert into gatehouse_migrations (name, applied_at) values ('0001-other', 1)")
    database.close()
    expect(await say(file)).toBe(
      `database ${file}: was made by another version of Gatehouse (it has the migrations 0001-other, which are not known here): run that version, or restore a backup from before`,
    )
  })

  it('where Postgres refuses, and nobody reads its password there', async () => {
    site = await createSite()
    const url = new URL(postgres.url)
    const shown = `postgres://postgres@${url.host}${url.pathname}`
    url.password = 'not-the-password'
    expect(await say(url.href)).toBe(`database ${shown}: password authentication failed for user "postgres"`)
    const absent = new URL(postgres.url)
    absent.pathname = '/absent'
    expect(await say(absent.href)).toBe(
      `database postgres://postgres@${url.host}/absent: database "absent" does not exist`,
    )
    expect(await say('postgres://gh:not-the-password@127.0.0.1:1/gh?sslmode=require')).toContain(
      'database postgres://gh@127.0.0.1:1/gh: nobody listens there (ECONNREFUSED)',
    )
  })
})
