import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, get, postForm, postJson, type Site } from './running-program.ts'

const host = { host: 'auth.example.com' }
const secret = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'
const client = `clients: { robot: { secret: ${secret}, scopes: [a, b] } }\n`
const basic = (id: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
})

let upstream: Server
let upstreamUrl: string
beforeAll(async () => {
  upstream = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await new Promise((done) => upstream.once('listening', done))
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
})
afterAll(() => {
  upstream.close()
})

let site: Site
afterEach(() => site.remove())

const route = (path: string, require: string): string =>
  `services: { s: { upstream: '${upstreamUrl}', routes: [{ path: '${path}', require: ${require} }] } }\n`

/** Whether a process has a handler for SIGHUP, as the kernel tells: the lowest bit of what it catches. */
function catchesHangup({ pid }: { readonly pid?: number | undefined }): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${caught}`) & 1n) === 1n
}

describe('the start', () => {
  it('ends with 1 within two seconds for a bad file, a missing file, a taken port and a wrong master key', async () => {
    site = await createSite('lisen: x\n')
    const bad = await site.run(['serve'])
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringContaining('gatehouse.yaml:4: lisen: unknown key; did you mean listen?'),
    ])
    expect(bad.milliseconds).toBeLessThan(2000)
    expect((await site.run(['serve', '--config', 'absent.yaml'])).stderr).toContain(
      'absent.yaml: there is no such file',
    )

    site.configure(
      `issuer: https://auth.example.com\nlisten: 127.0.0.1:${(upstream.address() as AddressInfo).port}\nmaster_key: \${KEY}\n`,
    )
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

describe('a running Gatehouse', () => {
  it('hears of what the command line changes within a second', async () => {
    site = await createSite(route('/things', 'signed-in'))
    await site.start()
    const added = await site.run(['user', 'add', 'carol', '--scope', 'a', '--json'], 'a password for carol\n')
    expect(JSON.parse(added.stdout)).toMatchObject({ username: 'carol', status: 'active' })
    const { access_token } = (
      await postJson(`${site.url}/login`, { username: 'carol', password: 'a password for carol' }, host)
    ).json
    const call = () => get(`${site.url}/things`, { ...host, authorization: `Bearer ${access_token}` })
    expect((await call()).status).toBe(200)
    expect((await site.run(['user', 'disable', 'carol'])).code).toBe(0)
    const startedAt = performance.now()
    let status = 200
    while (status === 200 && performance.now() - startedAt < 5000) {
      status = (await call()).status
      await new Promise((done) => setTimeout(done, 20))
    }
    expect(status).toBe(401)
    expect(performance.now() - startedAt).toBeLessThan(1500)
    expect(
      (await postJson(`${site.url}/login`, { username: 'carol', password: 'a password for carol' }, host)).status,
    ).toBe(401)
  })

  it('refuses at once what a revoked key has signed, and signs with the next', async () => {
    site = await createSite(client)
    await site.start()
    const token = async () =>
      String(
        (
          await postForm(
            `${site.url}/oauth/token`,
            { grant_type: 'client_credentials' },
            { ...host, ...basic('robot', secret) },
          )
        ).json.access_token,
      )
    const valid = async (value: string) => (await postJson(`${site.url}/validate`, { token: value }, host)).json.valid
    const before = await token()
    expect(await valid(before)).toBe(true)
    const keys = JSON.parse((await site.run(['keys', 'list', '--json'])).stdout) as { kid: string; state: string }[]
    const current = keys.find(({ state }) => state === 'current')?.kid ?? ''
    expect((await site.run(['keys', 'revoke', current])).code).toBe(0)
    await new Promise((done) => setTimeout(done, 1500))
    expect(await valid(before)).toBe(false)
    expect(await valid(await token())).toBe(true)
  })

  it('takes a changed file on reload, and keeps the old one where the new one is bad', async () => {
    site = await createSite(route('/one', 'nothing'))
    const running = await site.start()
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    expect((await get(`${site.url}/one`, host)).status).toBe(200)
    site.configure(base + route('/two', 'nothing') + client)
    expect((await site.run(['reload'])).code).toBe(0)
    await waitFor(async () => (await get(`${site.url}/two`, host)).status === 200)
    expect((await get(`${site.url}/one`, host)).status).toBe(404)
    const form = { grant_type: 'client_credentials' }
    const { access_token: token } = (
      await postForm(`${site.url}/oauth/token`, form, { ...host, ...basic('robot', secret) })
    ).json

    site.configure(`${base}nonsense: true\n`)
    expect((await site.run(['reload'])).code).toBe(1)
    running.process.kill('SIGHUP')
    await waitFor(async () => running.output().includes('the old one goes on'))
    expect((await get(`${site.url}/two`, host)).status).toBe(200)

    site.configure(base + route('/two', 'nothing'))
    await site.run(['reload'])
    await waitFor(
      async () =>
        (await postForm(`${site.url}/oauth/token`, form, { ...host, ...basic('robot', secret) })).status === 401,
    )
    // The client is gone, and so is what it was given.
    await waitFor(async () => (await postJson(`${site.url}/validate`, { token }, host)).json.reason === 'revoked')
  })

  it('says on reload what waits for a restart, and takes no other issuer', async () => {
    site = await createSite(route('/one', 'nothing'))
    const running = await site.start()
    const base = `listen: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    site.configure(`issuer: https://auth.example.com\n${base}login_api: false\n${route('/two', 'nothing')}`)
    await site.run(['reload'])
    await waitFor(async () => (await get(`${site.url}/two`, host)).status === 200)
    await waitFor(async () => running.output().includes('configuration reloaded'))
    expect(running.output()).toMatch(/"keys":\["login_api"\],"msg":"changed in the file, and taken at the next start/)
    site.configure(`issuer: https://other.example.com\n${base}${route('/three', 'nothing')}`)
    await site.run(['reload'])
    await waitFor(async () => running.output().includes('the issuer cannot change while Gatehouse runs'))
    expect((await get(`${site.url}/two`, host)).status).toBe(200)
    await running.stop()
    writeFileSync(join(site.folder, 'data/gatehouse.db.pid'), '4194304\n')
    expect(await site.run(['reload'])).toMatchObject({ code: 1, stderr: expect.stringContaining('which is gone') })
  })

  it('takes a reload that comes while it starts once it has started', async () => {
    site = await createSite()
    await (await site.start()).stop()
    const database = new Database(join(site.folder, 'data/gatehouse.db'))
    database.exec('begin exclusive')
    const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))
    const running = await site.startAfter(async (child) => {
      // As soon as it listens to the signal: before, that would end it.
      await waitFor(async () => catchesHangup(child))
      child.kill('SIGHUP')
      await pause(200)
      database.close()
    })
    await waitFor(async () => running.output().includes('configuration reloaded'))
  })

  it('does not say on reload that the old file goes on where the new one does, although the database is locked', async () => {
    site = await createSite(route('/one', 'nothing'))
    const running = await site.start()
    const database = new Database(join(site.folder, 'data/gatehouse.db'))
    database.exec('begin exclusive')
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    site.configure(base + route('/two', 'nothing'))
    running.process.kill('SIGHUP')
    await waitFor(async () => running.output().includes('what removed clients had was not ended'))
    database.close()
    expect((await get(`${site.url}/two`, host)).status).toBe(200)
    expect(running.output()).not.toContain('the old one goes on')
  })

  it('shows its metrics to this machine, and not through a proxy that it does not know', async () => {
    site = await createSite()
    await site.start()
    expect((await get(`${site.url}/metrics`, host)).status).toBe(200)
    expect((await get(`${site.url}/metrics`, { ...host, 'x-forwarded-for': '203.0.113.9' })).status).toBe(404)
  })

  it('stops gracefully: not ready, requests finish, exit within ten seconds with 0', async () => {
    let release: () => void = () => {}
    let isWaiting = false
    const slow = createServer((_request, response) => {
      release = () => response.end('done')
      isWaiting = true
    }).listen(0, '127.0.0.1')
    await new Promise((done) => slow.once('listening', done))
    const slowUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
    site = await createSite(
      `services: { s: { upstream: '${slowUrl}', routes: [{ path: /slow, require: nothing }] } }\n`,
    )
    const running = await site.start()
    const pending = get(`${site.url}/slow`, host)
    await waitFor(async () => isWaiting)
    const stopped = running.stop()
    await new Promise((done) => setTimeout(done, 300))
    expect((await get(`${site.url}/readyz`)).status).toBe(503)
    release()
    expect((await pending).text).toBe('done')
    const { code, milliseconds } = await stopped
    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(10_000)
    slow.close()
  })

  it('survives kill -9 without losing what it has acknowledged, and rotated tokens stay dead', async () => {
    site = await createSite('sessions: { replay_window: 0s }\n')
    await site.run(['migrate'])
    await site.run(['user', 'add', 'carol'], 'a password for carol\n')
    const first = await site.start()
    const pair = (await postJson(`${site.url}/login`, { username: 'carol', password: 'a password for carol' }, host))
      .json
    const next = (await postJson(`${site.url}/token/refresh`, { refresh_token: pair.refresh_token }, host)).json
    await first.stop('SIGKILL')
    await site.start()
    expect((await postJson(`${site.url}/token/refresh`, { refresh_token: next.refresh_token }, host)).status).toBe(200)
    await new Promise((done) => setTimeout(done, 1100))
    expect((await postJson(`${site.url}/token/refresh`, { refresh_token: pair.refresh_token }, host)).status).toBe(400)
  })

  it('runs several workers on one database, empty at first, that revoke for each other and all reload', async () => {
    site = await createSite(`workers: 2\n${route('/things', 'signed-in')}`)
    const running = await site.start()
    await site.run(['user', 'add', 'carol'], 'a password for carol\n')
    const { access_token } = (
      await postJson(`${site.url}/login`, { username: 'carol', password: 'a password for carol' }, host)
    ).json
    const headers = { ...host, authorization: `Bearer ${access_token}` }
    for (let count = 0; count < 6; count += 1) expect((await get(`${site.url}/things`, headers)).status).toBe(200)
    expect((await postJson(`${site.url}/logout`, {}, headers)).status).toBe(204)
    await new Promise((done) => setTimeout(done, 300))
    for (let count = 0; count < 6; count += 1) expect((await get(`${site.url}/things`, headers)).status).toBe(401)

    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\nworkers: 2\n`
    site.configure(base + route('/others', 'nothing'))
    expect((await site.run(['reload'])).code).toBe(0)
    await waitFor(async () => running.output().split('configuration reloaded').length === 3)
    for (let count = 0; count < 6; count += 1) expect((await get(`${site.url}/others`, host)).status).toBe(200)
    expect((await running.stop()).code).toBe(0)
    expect(readdirSync(join(site.folder, 'data'))).not.toContain('gatehouse.db.pid')
  })
})

describe('workers', () => {
  it('go on where another one dies and cannot start anew, and are complete again once it can', async () => {
    site = await createSite('workers: 2\n')
    const good = readFileSync(join(site.folder, 'gatehouse.yaml'), 'utf8')
    const running = await site.start()
    const pid = running.process.pid
    const workers = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    const isServing = async () => (await get(`${site.url}/livez`)).status === 200
    site.configure('nonsense: true\n')
    process.kill(Number(workers()[1]), 'SIGKILL')
    await waitFor(async () => running.output().includes('nonsense: unknown key'))
    await new Promise((done) => setTimeout(done, 300))
    expect(await isServing()).toBe(true)
    site.configure(good)
    await waitFor(async () => workers().length === 2)
    expect(await isServing()).toBe(true)
    expect((await running.stop()).code).toBe(0)
  })

  it('that are only just starting take a reload too, and do not die of it', async () => {
    site = await createSite('workers: 2\n')
    const running = await site.start()
    const { pid } = running.process
    const workers = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    const before = workers()
    process.kill(Number(before[1]), 'SIGKILL')
    await waitFor(async () => workers().length === 2 && !workers().includes(before[1] ?? ''))
    process.kill(pid ?? 0, 'SIGHUP')
    await waitFor(async () => running.output().split('configuration reloaded').length === 3)
    expect((await running.stop()).code).toBe(0)
  })
})

describe('secrets', () => {
  it('appear in no output and not in clear in the database', async () => {
    const canary = 'canary-kD93nfXqW0aLr8Zt5uYvB2cMhE7g'
    site = await createSite(
      `log: { level: debug }\nclients: { robot: { secret: ${canary}-client, scopes: [a] } }\n${route('/things', 'signed-in')}`,
    )
    await site.run(['migrate'])
    const said = [await site.run(['user', 'add', 'carol'], `${canary}-password\n`)]
    const running = await site.start()
    const pair = (await postJson(`${site.url}/login`, { username: 'carol', password: `${canary}-password` }, host)).json
    const answers = [
      await postJson(`${site.url}/login`, { username: `${canary}-name`, password: `${canary}-wrong` }, host),
      await postJson(`${site.url}/login`, { username: 'carol', password: `${canary}-wrong` }, host),
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials', client_secret: `${canary}-wrong`, client_id: 'robot' },
        host,
      ),
      await postForm(
        `${site.url}/oauth/token?client_secret=${canary}-query`,
        { grant_type: 'client_credentials' },
        host,
      ),
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        { ...host, ...basic('robot', `${canary}-client`) },
      ),
      await postJson(`${site.url}/token/refresh`, { refresh_token: `ghr_${canary}` }, host),
      await postJson(`${site.url}/validate`, { token: `${canary}.x.y` }, host),
      await get(`${site.url}/things?access_token=${canary}-query`, host),
      await get(`${site.url}/things`, { ...host, authorization: `Bearer ${canary}.x.y`, cookie: `session=${canary}` }),
      await get(`${site.url}/metrics`, host),
    ]
    await site.run(['token', 'inspect'], `${canary}.x.y\n`)
    await running.stop()
    const master = site.environment.KEY ?? ''
    const outputs = [
      running.output(),
      ...said.map(({ stdout, stderr }) => stdout + stderr),
      ...answers.map(({ text, headers }) => text + JSON.stringify(headers)),
    ].join('\n')
    for (const secretText of [canary, master, String(pair.refresh_token), String(pair.access_token)])
      expect(outputs).not.toContain(secretText)
    const files = readdirSync(join(site.folder, 'data')).map((name) => readFileSync(join(site.folder, 'data', name)))
    for (const file of files) {
      for (const secretText of [canary, master, String(pair.refresh_token).split('.')[2] ?? ''])
        expect(file.includes(secretText)).toBe(false)
    }
  })
})

describe('the command line', () => {
  it('answers with JSON, with exit codes, and takes secrets from standard input alone', async () => {
    site = await createSite()
    await site.run(['migrate'])
    const json = async (args: readonly string[], input?: string) =>
      JSON.parse((await site.run([...args, '--json'], input)).stdout) as Record<string, unknown>
    expect(await json(['version'])).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    expect(await json(['client', 'add', 'billing', '--scope', 'a,b'])).toMatchObject({
      client_id: 'billing',
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect((await site.run(['client', 'add', 'billing'])).code).toBe(1)
    const rotated = await json(['client', 'rotate-secret', 'billing', '--overlap', '1h'])
    expect(rotated.client_secret).toMatch(/^[\w-]{43}$/)
    expect(await json(['client', 'list'])).toMatchObject([{ client_id: 'billing', scopes: ['a', 'b'] }])
    const next = (alg: string) => ({ alg, kid: expect.any(String), signs_from: expect.any(Number) })
    expect(await json(['keys', 'rotate'])).toEqual(['ES256', 'RS256', 'EdDSA'].map(next))
    expect(await json(['migrate', '--pending'])).toEqual({ pending: [] })
    expect(
      await json(['user', 'add', 'dave', '--hash'], '$2b$10$abcdefghijklmnopqrstuuUhUz5vVQpvZ0D3x1HlVZ9yV5rR1Xr3W\n'),
    ).toMatchObject({ username: 'dave' })
    expect(await site.run(['user', 'add', 'eve'], 'short\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('at least 15 characters'),
    })
    expect(await site.run(['user', 'add', 'eve'], '')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no secret on standard input'),
    })
    expect(await site.run(['user', 'set-password', 'nobody'], 'x\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such user'),
    })
    expect((await site.run(['usr'])).code).toBe(2)
    expect((await site.run(['user', 'add', '--password', 'x'])).code).toBe(2)
    expect((await site.run(['--help'])).code).toBe(0)
    expect((await site.run(['user', 'add', '--help'])).stdout).toContain('Examples:')
    writeFileSync(join(site.folder, 'broken.json'), '{"keys":[{"kty":"EC","d":"x"}]}')
    expect(await site.run(['client', 'add', 'ci', '--jwks', 'broken.json'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('private members'),
    })
  })

  it('says what a token says and whether it is good', async () => {
    site = await createSite(
      `clients: { robot: { secret: ${secret}, scopes: [a] }, sealed: { secret: ${secret}, access_token_format: opaque } }\n`,
    )
    const running = await site.start()
    const { access_token } = (
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        { ...host, ...basic('robot', secret) },
      )
    ).json
    const good = await site.run(['token', 'inspect', '--json'], `${access_token}\n`)
    expect([good.code, JSON.parse(good.stdout)]).toEqual([
      0,
      expect.objectContaining({ valid: true, claims: expect.objectContaining({ sub: 'robot' }) }),
    ])
    expect((await site.run(['token', 'inspect'], 'x.y.z\n')).code).toBe(1)
    const opaque = (
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        { ...host, ...basic('sealed', secret) },
      )
    ).json
    expect(opaque.access_token).toMatch(/^gha_/)
    const opened = await site.run(['token', 'inspect', '--json'], `${opaque.access_token}\n`)
    expect([opened.code, JSON.parse(opened.stdout)]).toEqual([
      0,
      { valid: true, header: null, claims: expect.objectContaining({ sub: 'sealed' }) },
    ])
    await running.stop()
  })
})

const waitFor = (condition: () => Promise<boolean>): Promise<void> =>
  vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 5000, interval: 50 })
