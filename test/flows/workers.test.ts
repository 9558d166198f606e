import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, get, postJson, type Site, waitFor } from './running-program.ts'
import { type Service, startService } from './service.ts'

const host = { host: 'auth.example.com' }

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

let site: Site
afterEach(() => site.remove())

describe('a running Gatehouse', () => {
  it('runs several workers on one database, empty at first, that revoke for each other and all reload', async () => {
    site = await createSite(`workers: 2\n${service.route('/things', 'signed-in')}`)
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
    site.configure(base + service.route('/others', 'nothing'))
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
