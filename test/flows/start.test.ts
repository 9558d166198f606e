import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, onThisMachine, postJson, type Site, waitFor } from './running-program.ts'
import { type Service, startService } from './service.ts'

const host = { host: 'auth.example.com' }
const secret = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'
const client = `clients: { robot: { secret: ${secret}, scopes: [a, b] } }\n`

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

let site: Site
afterEach(() => site.remove())

describe('the start', () => {
  it('ends with 1 within two seconds for a bad file, a missing file, a taken port and a wrong master key', async () => {
    site = await createSite('lisen: x\n')
    const bad = await site.run(['serve'])
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringContaining('gatehouse.yaml:4: lisen: unknown key; did you mean listen?'),
    ])
    expect(bad.milliseconds).toBeLessThan(onThisMachine(2000))
    expect((await site.run(['serve', '--config', 'absent.yaml'])).stderr).toContain(
      'absent.yaml: there is no such file',
    )

    site.configure(`issuer: https://auth.example.com\nlisten: 127.0.0.1:${service.port}\nmaster_key: \${KEY}\n`)
    const taken = await site.run(['serve'])
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining('the address is taken')])

    site.configure(
      `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: ${Buffer.from('another key of thirty-two bytes!').toString('base64')}\n`,
    )
    const wrong = await site.run(['serve'])
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('the master key does not open the keys in this database'),
    ])
  })

  it('checks a file without starting', async () => {
    site = await createSite()
    expect(await site.run(['check', 'gatehouse.yaml'])).toMatchObject({
      code: 0,
      stdout: 'gatehouse.yaml: nothing wrong\n',
    })
    site.configure('issuer: http://auth.example.com\n')
    const { code, stdout } = await site.run(['check', '--json', 'gatehouse.yaml'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ line: 1, key: 'issuer' }, { key: 'master_key' }],
    })
  })

  it('warns of a variable that sets no key, in the log and by check', async () => {
    site = await createSite()
    const stray = { GATEHOUSE_LISEN: '0.0.0.0:80' }
    const warning = 'environment variable GATEHOUSE_LISEN: sets no key; did you mean GATEHOUSE_LISTEN?'
    expect(await site.run(['check'], '', stray)).toMatchObject({ code: 0, stderr: `warning: ${warning}\n` })
    expect(JSON.parse((await site.run(['check', '--json'], '', stray)).stdout)).toMatchObject({ warnings: [warning] })
    expect((await site.start(['serve'], stray)).output()).toContain(warning)
  })

  it('checks the file that --config or GATEHOUSE_CONFIG names, unless an argument does', async () => {
    site = await createSite()
    writeFileSync(join(site.folder, 'other.yaml'), 'nonsense: true\n')
    const wrong = { code: 1, stderr: expect.stringContaining('other.yaml:1: nonsense: unknown key') }
    expect(await site.run(['check', '--config', 'other.yaml'])).toMatchObject(wrong)
    const environment = { GATEHOUSE_CONFIG: 'other.yaml' }
    expect(await site.run(['check'], '', environment)).toMatchObject(wrong)
    expect(await site.run(['check', 'gatehouse.yaml'], '', environment)).toMatchObject({
      code: 0,
      stdout: 'gatehouse.yaml: nothing wrong\n',
    })
    expect((await site.run(['check', '--config', 'other.yaml', 'gatehouse.yaml'])).code).toBe(2)
  })

  it('means the same files by a configuration, wherever a command is run', async () => {
    site = await createSite()
    expect((await site.run(['migrate'])).code).toBe(0)
    mkdirSync(join(site.folder, 'elsewhere'))
    const inside = await site.run(['user', 'list', '--json', '--config', '../gatehouse.yaml'], '', {}, 'elsewhere')
    expect(inside).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(join(site.folder, 'elsewhere'))).toEqual([])
    const environment = { GATEHOUSE_DATABASE: 'other.db' }
    expect(
      (await site.run(['migrate', '--config', '../gatehouse.yaml'], '', environment, 'elsewhere')).stdout,
    ).toContain(`${join(site.folder, 'elsewhere/other.db')} is new`)
  })

  it('refuses an id that the file and the command line both gave to a client', async () => {
    site = await createSite()
    await site.run(['migrate'])
    await site.run(['client', 'add', 'robot'])
    const running = await site.start()
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    site.configure(base + client)
    await site.run(['reload'])
    await waitFor(async () => running.output().includes('the old one goes on'))
    await running.stop()
    expect(await site.run(['serve'])).toMatchObject({ code: 1, stderr: expect.stringContaining('already: robot') })
  })

  it('prints a one-time token for the first administrator, once for one administrator', async () => {
    site = await createSite()
    const running = await site.start()
    expect(running.output()).toContain('administration over HTTP, which there is not yet')
    expect(running.output()).toContain('Nothing is lost by leaving this')
    const setup_token = /"setup_token":"([^"]+)"/.exec(running.output())?.[1]
    const create = (token: unknown, username: string) =>
      postJson(
        `${site.url}/admin/api/v1/first-administrator`,
        { setup_token: token, username, password: 'a password for the admin' },
        host,
      )
    expect((await create('guess', 'root')).status).toBe(403)
    const both = await Promise.all([create(setup_token, 'root'), create(setup_token, 'other')])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 403])
    await running.stop()
    const second = await site.start()
    expect(second.output()).not.toContain('setup_token')
    const users = JSON.parse((await site.run(['user', 'list', '--json'])).stdout) as { roles: string[] }[]
    expect(users.map(({ roles }) => roles)).toEqual([['administrator']])
  })
})
