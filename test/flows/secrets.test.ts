import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { basic, createSite, get, postForm, postJson, type Site } from './running-program.ts'
import { type Service, startService } from './service.ts'

const host = { host: 'auth.example.com' }

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

let site: Site
afterEach(() => site.remove())

describe('secrets', () => {
  it('appear in no output and not in clear in the database', async () => {
    const canary = 'canary-kD93nfXqW0aLr8Zt5uYvB2cMhE7g'
    site = await createSite(
      `log: { level: debug }\nclients: { robot: { secret: ${canary}-client, scopes: [a] } }\n${service.route('/things', 'signed-in')}`,
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
