import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { basic, createSite, get, postForm, postJson, type Site } from './running-program.ts'
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

describe('a running Gatehouse', () => {
  it('hears of what the command line changes within a second', async () => {
    site = await createSite(service.route('/things', 'signed-in'))
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

  it('shows its metrics to this machine, and not through a proxy that it does not know', async () => {
    site = await createSite()
    await site.start()
    expect((await get(`${site.url}/metrics`, host)).status).toBe(200)
    expect((await get(`${site.url}/metrics`, { ...host, 'x-forwarded-for': '203.0.113.9' })).status).toBe(404)
  })

  it('shows its metrics to this machine also at its address, and not through a proxy that names nobody', async () => {
    const at = (headers: Record<string, string>) => get(`${site.url}/metrics`, headers).then(({ status }) => status)
    site = await createSite()
    const running = await site.start()
    expect(await at({})).toBe(200)
    await running.stop()
    await site.remove()

    site = await createSite('trusted_proxies: [127.0.0.1]\n')
    await site.start()
    for (const from of [host, {}]) {
      expect(await at(from)).toBe(404)
      for (const name of ['x-forwarded-for', 'via', 'forwarded']) {
        expect(await at({ ...from, [name]: '203.0.113.9:51234' }), name).toBe(404)
      }
    }
    expect(await at({ host: 'elsewhere.example' })).toBe(421)
  })
})
