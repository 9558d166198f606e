import { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { basic, postForm } from '../flows/running-program.ts'
import { demoPassword } from './development-site.ts'
import { isMissing, type ProxiedSite, startProxiedSite, twoWayPaths } from './proxied-site.ts'
import { proxies } from './proxies.ts'

const identityNames = ['subject', 'client', 'scope', 'roles', 'session', 'org'].map((name) => `x-gatehouse-${name}`)

describe.each(proxies)('forward-auth by $name', (proxy) => {
  describe.skipIf(isMissing(proxy))('as the guide has it', () => {
    const isNginx = proxy.name === 'nginx'
    let started: ProxiedSite
    let { app, issuer, received, ask, by } = {} as ProxiedSite

    beforeAll(async () => {
      started = await startProxiedSite(proxy)
      ;({ app, issuer, received, ask, by } = started)
    })
    afterAll(() => started?.remove())
    beforeEach(() => {
      received.length = 0
    })

    it('lets through by the rules of the route, and tells the service who calls', async () => {
      expect((await ask('/page?a=1&b=%2F', by('bob'))).status).toBe(200)
      expect(received).toMatchObject([{ method: 'GET', url: '/page?a=1&b=%2F' }])
      expect(received[0]?.headers).toMatchObject({
        'x-gatehouse-subject': expect.stringMatching(/^usr_/),
        'x-gatehouse-scope': 'orders:read',
        authorization: expect.stringMatching(/^Bearer ey/),
        host: new URL(app).host,
      })
      // The token stays with Gatehouse; the service gets what was signed for it alone.
      expect(received[0]?.headers.authorization).not.toBe(by('bob').authorization)
      expect((await ask('/edit/page', by('alice'), 'POST')).status).toBe(200)
      expect(received.at(-1)).toMatchObject({ method: 'POST', headers: { 'x-gatehouse-roles': 'clerk' } })
    })

    it('lets nobody else through', async () => {
      const statuses = await Promise.all([
        ask('/page'),
        ask('/page', { authorization: 'Bearer nonsense' }),
        ask('/edit/page', by('bob')),
        ask('/edit/page', by('bob'), 'POST'),
      ])
      expect(statuses.map(({ status }) => status)).toEqual([401, 401, 403, 403])
      expect((await ask('/page', by('alice'), 'DELETE')).status).toBe(isNginx ? 403 : 405)
      // Caddy answers 200, with nothing, for a host that it does not know.
      await ask('/page', { ...by('alice'), host: 'other.localhost' })
      expect(received).toEqual([])
    })

    it('takes away what a client says about itself, where nobody needs to be known too', async () => {
      const cookie = `theme=dark; gatehouse_app=${'a'.repeat(22)}.${'b'.repeat(43)}`
      expect((await ask('/health', { authorization: 'Bearer boss', cookie })).status).toBe(200)
      const { headers = {} } = received[0] ?? {}
      expect(headers.cookie).toBe('theme=dark')
      for (const header of [...identityNames, 'authorization']) expect(headers[header] ?? '', header).toBe('')
    })

    it('asks about who has many cookies of their own, and passes on what is longer than a page', async () => {
      for (const length of [4000, 7500, 12_000]) {
        const cookie = `own=${'c'.repeat(length)}`
        expect([length, (await ask('/page', { ...by('bob'), cookie })).status]).toEqual([length, 200])
        expect(received.at(-1)?.headers.cookie).toBe(cookie)
      }
      const { status } = await ask('/edit/page', by('alice'), 'POST', undefined, 'x'.repeat(1_500_000))
      expect(status).toBe(200)
    })

    it.each([
      { 'X-Gatehouse-Subject': 'boss' },
      { 'x-gatehouse-org': 'boss' },
      { X_Gatehouse_Subject: 'boss' },
      { 'X-GATEHOUSE_Roles': 'boss' },
      { 'x.gatehouse.scope': 'boss' },
      { 'X-Gatehouse-Roles': ['clerk', 'boss'] },
      { 'X-Gatehouse-Roles': 'boss', connection: 'close, X-Gatehouse-Roles' },
    ])('never hands on identity that a client brings along: %j', async (headers) => {
      for (const path of ['/health', '/page']) await ask(path, { ...by('bob'), ...headers })
      expect(JSON.stringify(received)).not.toContain('boss')
    })

    it.each(
      proxy.name === 'Envoy'
        ? []
        : ['X-Original-URL', 'X-Rewrite-URL', 'Remote-User', 'X-Forwarded-User', 'Client-Cert', 'X-SSL-Client-Verify'],
    )('never hands on what a service could take for the path or the caller: %s', async (name) => {
      expect((await ask('/page', { ...by('bob'), [name]: '/edit/boss' })).status).toBeGreaterThanOrEqual(400)
      expect(received).toEqual([])
    })

    it('does not leave out identity that a client has named in Connection', async () => {
      const named = identityNames.join(', ')
      await ask('/page', { ...by('alice'), connection: `close, ${named}, authorization` })
      for (const { headers } of received) {
        expect(headers).toMatchObject({
          'x-gatehouse-roles': 'clerk',
          authorization: expect.stringMatching(/^Bearer ey/),
        })
      }
    })

    it.each(['X-Forwarded-Uri', 'X_Forwarded_Uri', 'x.forwarded.uri'])(
      'asks about the request that there is, whatever the client says in %s',
      async (header) => {
        for (const extra of [{}, { 'X-Forwarded-Method': 'GET', 'X-Forwarded-Host': new URL(app).host }]) {
          expect((await ask('/page', { [header]: '/health', ...extra })).status).not.toBe(200)
          expect((await ask('/edit/page', { ...by('bob'), [header]: '/page', ...extra })).status).not.toBe(200)
        }
        expect(received).toEqual([])
      },
    )

    it('tells a client what is wrong, and where tokens for it come from', async () => {
      const { status, headers, body } = await ask('/edit/page', by('bob'))
      expect(status).toBe(403)
      // nginx has its own page for a refusal.
      if (!isNginx) {
        expect(JSON.parse(body)).toMatchObject({
          error: 'insufficient_scope',
          decision_id: expect.stringMatching(/^dec_/),
        })
        expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
        expect(headers['www-authenticate']).toContain('scope="orders:write"')
      }
      const challenge = `${(await ask('/page')).headers['www-authenticate'] ?? ''}`
      const metadata =
        /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? `${app}/.well-known/oauth-protected-resource`
      expect(metadata.startsWith(`${app}/`)).toBe(true)
      const described = await ask(metadata.slice(app.length))
      expect(JSON.parse(described.body)).toMatchObject({ resource: app, authorization_servers: [issuer] })
      expect(received).toEqual([])
    })

    it('tells which methods there are', async () => {
      const { headers } = await ask('/page', by('alice'), 'DELETE')
      // nginx has a status of its own for it, and no header to go with it.
      expect(headers.allow).toBe(isNginx ? undefined : 'GET, HEAD')
    })

    it('hands a client whose tokens are bound to a key the nonce that it needs', async () => {
      const prover = createTestProver()
      const iat = Math.floor(Date.now() / 1000)
      const getToken = (nonce?: unknown) =>
        postForm(
          `${issuer}/oauth/token`,
          { grant_type: 'client_credentials' },
          {
            ...basic('demo-service', 'demo-service-secret'),
            dpop: prover.proof({ htm: 'POST', htu: `${issuer}/oauth/token`, iat, nonce }),
          },
        )
      const token = `${(await getToken((await getToken()).headers['dpop-nonce'])).json.access_token}`
      const call = (nonce?: unknown) =>
        ask('/robots', {
          authorization: `DPoP ${token}`,
          dpop: prover.proofFor(token, { htm: 'GET', htu: `${app}/robots`, iat, nonce }),
        })
      const told = await call()
      expect(told).toMatchObject({ status: 401, headers: { 'dpop-nonce': expect.stringMatching(/./) } })
      expect(told.headers['www-authenticate']).toContain('use_dpop_nonce')
      expect((await call(told.headers['dpop-nonce'])).status).toBe(200)
    })

    it('says itself from where a request comes, whatever the client says', async () => {
      expect((await ask('/office', {}, 'GET', '127.0.0.2')).status).toBe(200)
      for (const name of ['X-Forwarded-For', 'X_Forwarded_For', 'Forwarded', 'X-Real-Ip', 'X-Envoy-External-Address']) {
        const value = name === 'Forwarded' ? 'for=127.0.0.2' : '127.0.0.2'
        for (const connection of ['close', `close, ${name}`]) {
          const { status } = await ask('/office', { [name]: value, connection }, 'GET', '127.0.0.3')
          expect(status, `${name} ${connection}`).toBeGreaterThanOrEqual(400)
        }
      }
      expect(received).toHaveLength(1)
    })

    it.each(twoWayPaths)('forwards what was judged, and nothing that could be read in two ways: %s', async (path) => {
      const { status } = await ask(path)
      if (proxy.tidies && status === 200) {
        expect(received.map(({ url }) => url)).toEqual(['/health'])
        return
      }
      expect(status).toBeGreaterThanOrEqual(400)
      expect(received).toEqual([])
      // Nor by who may see one page, and not the other that a service could take it for.
      await ask(path.replace('/page', '/edit/page'), by('bob'))
      for (const { url } of received) expect(['/page', '/health']).toContain(url)
    })

    it('leads a page to sign in and back, and a script not', async () => {
      const browser = new HostBrowser()
      const script = await browser.call(`${app}/page`)
      expect([script.status, script.headers.get('location')]).toEqual([401, null])
      const login = await browser.visit(`${app}/page?a=1&b=%2F`)
      expect(login.url).toContain(`${issuer}/login?`)
      const page = await browser.submit(login, { username: 'alice', password: demoPassword })
      expect([page.status, page.url, page.text]).toEqual([200, `${app}/page?a=1&b=%2F`, 'the wiki'])
      expect(received.at(-1)).toMatchObject({ url: '/page?a=1&b=%2F', headers: { 'x-gatehouse-roles': 'clerk' } })
      expect(received.at(-1)?.headers.cookie ?? '').not.toContain('gatehouse')
      expect(JSON.parse((await browser.call(`${app}/_gatehouse/session`)).text)).toMatchObject({ roles: ['clerk'] })
      // A page of somebody else can have the browser send a form, and the cookie along with it.
      const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      expect((await browser.post(`${app}/edit/page`, { text: 'x' }, foreign)).status).toBe(403)
      expect((await browser.post(`${app}/edit/page`, { text: 'x' })).status).toBe(200)
    })

    it('lets a WebSocket through that a page of the app opens in a session, and no other', async () => {
      const browser = new HostBrowser()
      await browser.submit(await browser.visit(`${app}/page`), { username: 'alice', password: demoPassword })
      received.length = 0
      const cookie = `gatehouse_app=${browser.jars.get(new URL(app).host)?.get('gatehouse_app')}`
      const handshake = {
        ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      }
      expect((await ask('/page', { ...handshake, origin: app })).status).toBe(401)
      expect((await ask('/page', { ...handshake, cookie })).status).toBe(403)
      expect((await ask('/page', { ...handshake, cookie, origin: 'https://evil.example' })).status).toBe(403)
      expect(received).toEqual([])
      expect((await ask('/page', { ...handshake, cookie, origin: app })).status).toBe(101)
      expect(received).toMatchObject([{ headers: { 'x-gatehouse-roles': 'clerk', upgrade: 'websocket' } }])
    })

    it('signs out, and what is left of the session opens nothing', async () => {
      const browser = new HostBrowser()
      await browser.submit(await browser.visit(`${app}/page`), { username: 'alice', password: demoPassword })
      const cookie = `gatehouse_app=${browser.jars.get(new URL(app).host)?.get('gatehouse_app')}`
      expect((await ask('/page', { cookie })).status).toBe(200)
      const page = await browser.post(`${app}/_gatehouse/logout`, {})
      expect([page.status, page.url]).toEqual([200, `${app}/bye`])
      expect((await ask('/page', { cookie })).status).toBe(401)
      expect((await browser.visit(`${app}/page`)).url).toContain('/login?')
    })

    it('refuses everything that needs an answer while there is none', { timeout: 30_000 }, async () => {
      await started.site.remove()
      expect((await ask('/health')).status).toBeGreaterThanOrEqual(500)
      expect(received).toEqual([])
    })
  })
})
