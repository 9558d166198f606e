import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { basic, createSite, get, postForm, postJson, type Site, waitFor } from './running-program.ts'
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

/** Whether a process has a handler for SIGHUP, as the kernel tells: the lowest bit of what it catches. */
function catchesHangup({ pid }: { readonly pid?: number | undefined }): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${caught}`) & 1n) === 1n
}

describe('a running Gatehouse', () => {
  it('takes a changed file on reload, and keeps the old one where the new one is bad', async () => {
    site = await createSite(service.route('/one', 'nothing'))
    const running = await site.start()
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    expect((await get(`${site.url}/one`, host)).status).toBe(200)
    site.configure(base + service.route('/two', 'nothing') + client)
    expect((await site.run(['reload'])).code).toBe(0)
    await waitFor(async () => (await get(`${site.url}/two`, host)).status === 200)
    expect((await get(`${site.url}/one`, host)).status).toBe(404)
    expect(running.output()).toContain(
      'the audience of s is https://auth.example.com/two from now on, and was https://auth.example.com/one',
    )
    const form = { grant_type: 'client_credentials' }
    const { access_token: token } = (
      await postForm(`${site.url}/oauth/token`, form, { ...host, ...basic('robot', secret) })
    ).json

    site.configure(`${base}nonsense: true\n`)
    expect((await site.run(['reload'])).code).toBe(1)
    running.process.kill('SIGHUP')
    await waitFor(async () => running.output().includes('the old one goes on'))
    expect((await get(`${site.url}/two`, host)).status).toBe(200)

    site.configure(base + service.route('/two', 'nothing'))
    await site.run(['reload'])
    await waitFor(
      async () =>
        (await postForm(`${site.url}/oauth/token`, form, { ...host, ...basic('robot', secret) })).status === 401,
    )
    // The client is gone, and so is what it was given.
    await waitFor(async () => (await postJson(`${site.url}/validate`, { token }, host)).json.reason === 'revoked')
  })

  it('takes the secret from before beside the new one, of clients and of services, as long as it stands in the file', async () => {
    const second = 'Zt5uYvB2cMhE7gPsJ4kD93nfXqW0aLr8'
    const route = service.route('/one', 'nothing')
    const write = (secrets: string) =>
      `clients: { robot: { ${secrets}, scopes: [a] } }\n${route.replace('{ s: {', `{ s: { client: { ${secrets} },`)}`
    site = await createSite(write(`secret: ${secret}`))
    await site.start()
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    const counting = async () => {
      const form = { grant_type: 'client_credentials' }
      const tokens = [secret, second].map((one) =>
        postForm(`${site.url}/oauth/token`, form, { ...host, ...basic('robot', one) }),
      )
      const looks = [secret, second].map((one) =>
        postForm(`${site.url}/oauth/introspect`, { token: 'x' }, { ...host, ...basic('service%3As', one) }),
      )
      return (await Promise.all([...tokens, ...looks])).map(({ status }) => status)
    }
    expect(await counting()).toEqual([200, 401, 200, 401])
    site.configure(base + write(`secret: ${second}, secret_previous: ${secret}`))
    expect((await site.run(['reload'])).code).toBe(0)
    await expect.poll(counting).toEqual([200, 200, 200, 200])
    site.configure(base + write(`secret: ${second}`))
    expect((await site.run(['reload'])).code).toBe(0)
    await expect.poll(counting).toEqual([401, 200, 401, 200])
  })

  it('says on reload what waits for a restart, and takes no other issuer', async () => {
    site = await createSite(service.route('/one', 'nothing'))
    const running = await site.start()
    const base = `listen: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    site.configure(`issuer: https://auth.example.com\n${base}login_api: false\n${service.route('/two', 'nothing')}`)
    await site.run(['reload'])
    await waitFor(async () => (await get(`${site.url}/two`, host)).status === 200)
    await waitFor(async () => running.output().includes('configuration reloaded'))
    expect(running.output()).toMatch(/"keys":\["login_api"\],"msg":"changed in the file, and taken at the next start/)
    site.configure(`issuer: https://other.example.com\n${base}${service.route('/three', 'nothing')}`)
    await site.run(['reload'])
    await waitFor(async () => running.output().includes('the issuer cannot change while Gatehouse runs'))
    expect((await get(`${site.url}/two`, host)).status).toBe(200)
  })

  it('takes trusted_proxies together with the rules that judge by addresses', async () => {
    site = await createSite()
    await site.start()
    site.configure(`issuer: https://auth.example.com
listen: 127.0.0.1:${site.port}
master_key: \${KEY}
trusted_proxies: [127.0.0.1]
${service.route('/inside', '{ caller: nothing, addresses: [127.0.0.0/8, 10.0.0.0/8] }')}`)
    expect(await site.run(['reload'])).toMatchObject({ code: 0, stdout: expect.not.stringContaining('next start') })
    const from = (address: string) => get(`${site.url}/inside`, { ...host, 'x-forwarded-for': address })
    expect((await from('203.0.113.9')).status).toBe(403)
    expect((await from('10.0.0.9')).status).toBe(200)
  })

  it('leaves people a way in where the new one needs mails, and it was started without a way to send any', async () => {
    site = await createSite()
    await site.start()
    await site.run(['user', 'add', 'carol', '--scope', 'a'], 'a password for carol\n')
    site.configure(`issuer: https://auth.example.com
listen: 127.0.0.1:${site.port}
master_key: \${KEY}
mail: { from: no-reply@example.com, smtp: 'smtps://u:p@127.0.0.1:1' }
sign_up: { mode: open }
sign_in: { methods: [email_code] }
`)
    expect(await site.run(['reload'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('taken at its next start only: mail, sign_up, sign_in'),
    })
    const login = { username: 'carol', password: 'a password for carol' }
    expect((await postJson(`${site.url}/login`, login, host)).status).toBe(200)
  })

  it('says on reload what check and the start warn of', async () => {
    site = await createSite(service.route('/one', 'nothing'))
    // Such as a variable that sets nothing, which the start has told.
    const running = await site.start(undefined, { GATEHOUSE_STRAY: 'x' })
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    const uris = 'redirect_uris: [https://a.example/cb], backchannel_logout_uri: https://10.0.0.1/out'
    site.configure(`${base}${service.route('/one', 'nothing')}clients: { web: { secret: ${secret}, ${uris} } }\n`)
    const warning = (await site.run(['check', 'gatehouse.yaml'])).stderr.trim().replace(/^warning: /, '')
    expect(warning).toContain('private network')
    const reloaded = await site.run(['reload'])
    expect([reloaded.code, reloaded.stderr]).toEqual([0, `warning: ${warning}\n`])
    expect(running.output().split(JSON.stringify(warning).slice(1, -1)).length - 1).toBe(1)
    expect(JSON.parse((await site.run(['reload', '--json'])).stdout)).toMatchObject({ ok: true, warnings: [warning] })
  })

  it('is told to reload, and what became of it comes back', async () => {
    site = await createSite(service.route('/one', 'nothing'))
    const running = await site.start()
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    expect(await site.run(['reload'])).toMatchObject({
      code: 0,
      stdout: `process ${running.process.pid} has taken the configuration\n`,
    })
    site.configure(`${base}metrics: { allow: [10.0.0.0/8] }\nlogin_api: false\n`)
    expect(await site.run(['reload'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('taken at its next start only: login_api, metrics'),
    })
    site.configure(`${base}audience: \${AUDIENCE}\n`)
    const environment = { AUDIENCE: 'https://api.example.com' }
    expect(await site.run(['reload'], '', environment)).toMatchObject({
      code: 1,
      stderr: `process ${running.process.pid} goes on with the old configuration:\ngatehouse.yaml:4: audience: the environment variable AUDIENCE is not set\n`,
    })
    const json = JSON.parse((await site.run(['reload', '--json'], '', environment)).stdout)
    expect(json).toMatchObject({ ok: false, taken: false, problems: [{ line: 4, key: 'audience' }] })
    site.configure(base.replace('auth.', 'other.'))
    expect(await site.run(['reload'])).toMatchObject({ code: 1, stderr: expect.stringContaining('issuer: the issuer') })
  })

  it('is alone told to reload: no other process that was given its id, and no first one by what a second one leaves', async () => {
    site = await createSite()
    const pidFile = join(site.folder, 'data/gatehouse.db.pid')
    const killed = await site.start()
    await killed.stop('SIGKILL')
    const other = spawn('sleep', ['60'])
    const ended = new Promise((done) => other.on('exit', done))
    try {
      for (const file of [pidFile, `${pidFile}.json`]) {
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(String(killed.process.pid), String(other.pid)))
      }
      expect(await site.run(['reload'])).toMatchObject({ code: 1, stderr: expect.stringContaining('which is gone') })
      expect(other.signalCode).toBeNull()
    } finally {
      other.kill('SIGKILL')
      await ended
    }
    const first = await site.start()
    const second = await site.start(['serve'], { GATEHOUSE_LISTEN: '127.0.0.1:0' })
    expect(second.output()).toContain('is that of another Gatehouse that runs')
    await second.stop()
    expect(await site.run(['reload'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`process ${first.process.pid} `),
    })
    await first.stop()
    expect([pidFile, `${pidFile}.json`].map((file) => existsSync(file))).toEqual([false, false])
    expect(await site.run(['reload'])).toMatchObject({ code: 1, stderr: expect.stringContaining('does not run') })
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
    site = await createSite(service.route('/one', 'nothing'))
    const running = await site.start()
    const database = new Database(join(site.folder, 'data/gatehouse.db'))
    database.exec('begin exclusive')
    const base = `issuer: https://auth.example.com\nlisten: 127.0.0.1:${site.port}\nmaster_key: \${KEY}\n`
    site.configure(base + service.route('/two', 'nothing'))
    running.process.kill('SIGHUP')
    await waitFor(async () => running.output().includes('what removed clients had was not ended'))
    database.close()
    expect((await get(`${site.url}/two`, host)).status).toBe(200)
    expect(running.output()).not.toContain('the old one goes on')
  })

  it('names the limit where the file cannot be read for want of a file descriptor', async () => {
    site = await createSite()
    const running = await site.start()
    spawnSync('prlimit', ['--pid', String(running.process.pid), '--nofile=5:5'])
    running.process.kill('SIGHUP')
    await waitFor(async () => running.output().includes('as it may, 5 (EMFILE)'))
    expect(running.output()).toContain('the old one goes on')
  })
})
