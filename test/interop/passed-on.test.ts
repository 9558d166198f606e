import { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { demoPassword } from './development-site.ts'
import { isMissing, type ProxiedSite, startProxiedSite, twoWayPaths } from './proxied-site.ts'
import { proxies } from './proxies.ts'

describe.each(proxies)('Gatehouse behind $name', (proxy) => {
  describe.skipIf(isMissing(proxy))('that passes everything on, as the guide has it', () => {
    let started: ProxiedSite
    let { app, issuer, received, ask, open, by } = {} as ProxiedSite
    beforeAll(async () => {
      started = await startProxiedSite(proxy, { passesOn: true })
      ;({ app, issuer, received, ask, open, by } = started)
    })
    afterAll(() => started?.remove())
    beforeEach(() => {
      received.length = 0
    })

    /** Somebody who has signed in, and what their browser shows for it. */
    async function signIn(): Promise<{ browser: HostBrowser; cookie: string }> {
      const browser = new HostBrowser()
      const login = await browser.visit(`${app}/page?a=1&b=%2F`)
      expect(login.url).toContain(`${issuer}/login?`)
      const page = await browser.submit(login, { username: 'alice', password: demoPassword })
      expect([page.status, page.url, page.text]).toEqual([200, `${app}/page?a=1&b=%2F`, 'the wiki'])
      return { browser, cookie: `gatehouse_app=${browser.jars.get(new URL(app).host)?.get('gatehouse_app')}` }
    }

    it('forwards by the rules, with the identity that Gatehouse knows and no other', async () => {
      const boss = { 'X-Gatehouse-Roles': 'boss', X_Gatehouse_Subject: 'boss', 'x.gatehouse.org': 'boss' }
      for (const headers of [boss, {}]) await ask('/page', { ...by('bob'), ...headers })
      expect(received.at(-1)?.headers).toMatchObject({
        'x-gatehouse-subject': expect.stringMatching(/^usr_/),
        'x-gatehouse-scope': 'orders:read',
        authorization: expect.stringMatching(/^Bearer ey/),
        'x-forwarded-host': new URL(app).host,
      })
      expect(JSON.stringify(received)).not.toContain('boss')
      received.length = 0
      const statuses = [await ask('/page'), await ask('/edit/page', by('bob')), await ask('/page', by('bob'), 'DELETE')]
      expect(statuses.map(({ status }) => status)).toEqual([401, 403, 405])
      expect(received).toEqual([])
    })

    it('says from where a request comes, whatever the client says', async () => {
      expect((await ask('/office', {}, 'GET', '127.0.0.2')).status).toBe(200)
      for (const name of ['X-Forwarded-For', 'X_Forwarded_For', 'Forwarded', 'X-Real-Ip', 'X-Envoy-External-Address']) {
        const value = name === 'Forwarded' ? 'for=127.0.0.2' : '127.0.0.2'
        for (const connection of ['close', `close, ${name}`, 'close, X-Forwarded-For']) {
          const { status } = await ask('/office', { [name]: value, connection }, 'GET', '127.0.0.3')
          expect(status, `${name} ${connection}`).toBeGreaterThanOrEqual(400)
        }
      }
      expect(received).toHaveLength(1)
    })

    it.each(twoWayPaths)('forwards what was judged, and nothing that could be read in two ways: %s', async (path) => {
      for (const headers of [{}, by('bob')]) {
        received.length = 0
        await ask(path.replace('/page', '/edit/page'), headers)
        for (const { url } of received) expect(['/page', '/health']).toContain(url)
      }
      received.length = 0
      await ask(path)
      for (const { url } of received) expect(url).toBe('/health')
    })

    it('leads to sign in at the issuer, which is behind it too, and back', async () => {
      const { browser } = await signIn()
      expect(received.at(-1)?.headers).toMatchObject({ 'x-gatehouse-roles': 'clerk' })
      expect(received.at(-1)?.headers.cookie ?? '').not.toContain('gatehouse')
      const session = await browser.call(`${app}/_gatehouse/session`)
      expect(JSON.parse(session.text)).toMatchObject({ roles: ['clerk'] })
    })

    it('holds no bytes of a stream back, and a stream or a WebSocket ends with its session', async () => {
      const { browser, cookie } = await signIn()
      const handshake = {
        ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', origin: app },
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      }
      const streams = [await open('/stream', { cookie }), await open('/stream/live', { cookie, ...handshake })]
      expect(streams.map(({ first }) => first)).toEqual(['data: first\n\n', '101'])
      let ended = 0
      for (const stream of streams) stream.ended.then(() => (ended += 1))
      await browser.post(`${app}/_gatehouse/logout`, {})
      await expect.poll(() => ended, { timeout: 2000 }).toBe(2)
      expect((await ask('/page', { cookie })).status).toBe(401)
    })
  })
})
