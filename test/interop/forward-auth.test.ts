import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type OutgoingHttpHeaders, request, type Server } from 'node:http'
import { join } from 'node:path'
import { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSite, postJson, root, type Site } from '../flows/running-program.ts'
import { demoPassword } from './development-site.ts'
import { findPorts, readBlocks } from './guide-blocks.ts'
import { proxies } from './proxies.ts'

const blocks = readBlocks('behind-a-proxy.md')
const missing = (process.env.GATEHOUSE_MISSING ?? '').split(' ')

/** What the service was sent. */
interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const identityNames = ['subject', 'client', 'scope', 'roles', 'session', 'org'].map((name) => `x-gatehouse-${name}`)

describe.each(proxies)('forward-auth by $name', ({ package: name, files, start }) => {
  describe.skipIf(missing.some((one) => one.startsWith(name)))('as the guide has it', () => {
    let site: Site
    let proxy: ChildProcess
    let service: Server
    let app: string
    let issuer: string
    const received: Received[] = []
    const tokens: Record<string, string> = {}

    beforeAll(async () => {
      const example = readFileSync(join(root, 'examples/shop/gatehouse.yaml'), 'utf8')
      const yaml = blocks.find(({ language }) => language === 'yaml')?.text ?? ''
      const here = await findPorts([example, ...blocks.map(({ text }) => text)])
      issuer = here('http://localhost:8080')
      app = here('http://wiki.localhost:8081')
      service = createServer(({ method = '', url = '', headers }, response) => {
        received.push({
          method,
          url,
          headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, `${v}`])),
        })
        response.end('the wiki')
      })
      service.on('upgrade', ({ method = '', url = '', headers }, socket) => {
        received.push({
          method,
          url,
          headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, `${v}`])),
        })
        const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
        const accept = createHash('sha1').update(key).digest('base64')
        const agreed = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
        socket.end([...agreed, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'))
      })
      await new Promise<void>((done) => service.listen(Number(here(':4005').slice(1)), '127.0.0.1', done))
      site = await createSite()
      site.configure(here(example + yaml))
      for (const { file, text } of blocks) {
        if (file !== undefined && files.includes(file)) writeFileSync(join(site.folder, file), here(text))
      }
      await site.start(['dev'])
      for (const username of ['alice', 'bob']) {
        const { json } = await postJson(`${issuer}/login`, { username, password: demoPassword })
        tokens[username] = String(json.access_token)
      }
      proxy = start(site.folder)
      for (let tries = 0; tries < 200; tries += 1) {
        if (await ask('/health').catch(() => undefined)) return
        await new Promise((done) => setTimeout(done, 50))
      }
      throw new Error(`${name} did not start`)
    })
    afterAll(async () => {
      proxy?.kill()
      service?.close()
      service?.closeAllConnections()
      await site?.remove()
    })
    beforeEach(() => {
      received.length = 0
    })

    /** A request whose path goes out as it is written. */
    const ask = (path: string, headers: OutgoingHttpHeaders = {}, method = 'GET') =>
      new Promise<{ status: number; headers: Readonly<Record<string, unknown>> }>((resolve, reject) => {
        const { host, port } = new URL(app)
        const sent = request({ host: '127.0.0.1', port, path, method, headers: { host, ...headers } }, (response) => {
          response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
        })
        sent.on('upgrade', (response, socket) => {
          socket.destroy()
          resolve({ status: response.statusCode ?? 0, headers: response.headers })
        })
        sent.on('error', reject).end()
      })
    const by = (user: string): OutgoingHttpHeaders => ({ authorization: `Bearer ${tokens[user]}` })

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
      expect(received[0]?.headers.authorization).not.toContain(tokens.bob)
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
      expect((await ask('/page', by('alice'), 'DELETE')).status).toBe(name === 'nginx' ? 403 : 405)
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

    it.each([
      '/health/../page',
      '/health/..%2fpage',
      '/health/%2e%2e/page',
      '//health',
      '/%68ealth',
      '/health;/../page',
      '/health\\..\\page',
      '/page/..//health',
      '/_gatehouse/../page',
      '/_gatehouse/%2e%2e/page',
      '/_gatehouse/..%2fpage',
    ])('does not forward a path that could be read in two ways: %s', async (path) => {
      const { status } = await ask(path)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(received).toEqual([])
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
      await site.remove()
      expect((await ask('/health')).status).toBeGreaterThanOrEqual(500)
      expect(received).toEqual([])
    })
  })
})
