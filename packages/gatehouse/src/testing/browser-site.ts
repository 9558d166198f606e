import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { addUser } from '@gatehouse/auth/domain/users'
import { HostBrowser } from '@gatehouse/auth/testing/host-browser'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { ManualClock } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { compose, type Program } from '../compose.ts'
import { checkConfiguration } from '../configuration/load.ts'
import { readConfigurationText } from '../configuration/read-file.ts'
import { createLog } from '../telemetry/log.ts'

/** What the service behind the app was sent. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A whole program: an issuer, and an app of browsers on a host of its own. */
export interface BrowserSite {
  readonly program: Program
  readonly store: Store
  readonly clock: ManualClock
  readonly port: number
  readonly issuer: string
  /** The app's origin. */
  readonly app: string
  /** Of another app. */
  readonly otherApp: string
  readonly received: Received[]
  /** Ends the service: its port takes no connections until it {@link startService starts} again. */
  stopService(): Promise<void>
  startService(): Promise<void>
  newBrowser(): HostBrowser
  /** Signs alice in, from where a browser was led to; the answer is where it gets to then. */
  signIn(browser: HostBrowser, address: string): ReturnType<HostBrowser['submit']>
  close(): Promise<void>
}

/** Starts it, with events that do not end at `/events` and a connection that does at `/broken`; alice may read and write orders. `routes` are the app's, as YAML, and `more` is what the file says besides. */
export async function startBrowserSite(routes = defaultRoutes, more = ''): Promise<BrowserSite> {
  const received: Received[] = []
  const upstream = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk
    })
    request.on('end', () => {
      if (request.url === '/broken') return void request.socket.destroy()
      if (request.url === '/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
        return
      }
      received.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ subject: request.headers['x-gatehouse-subject'], url: request.url, body }))
    })
  })
  const servicePort = await listen(upstream)
  const origin = `http://127.0.0.1:${servicePort}`
  const issuer = 'http://localhost:8080'
  const text = `
issuer: ${issuer}
listen: 127.0.0.1:0
database: ':memory:'
master_key: ${randomBytes(32).toString('base64')}
services:
  storefront:
    host: shop.localhost:8080
    upstream: ${origin}
    session: cookie
    signed_out: /goodbye
    routes: ${routes}
  other:
    host: other.localhost:8080
    upstream: ${origin}
    session: cookie
    routes: [{ path: /**, require: signed-in }]
${more}`
  const read = readConfigurationText(text, 'gatehouse.yaml', {})
  const configuration = checkConfiguration(read, { development: true, environment: {} })
  const { masterKey, routes: table } = configuration
  if (!masterKey || !table) throw new Error('the configuration is incomplete')
  const clock = new ManualClock(Math.floor(Date.now() / 1000))
  const store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  const program = await compose({
    configuration: { ...configuration, masterKey, routes: table },
    store,
    clock,
    log: createLog({ level: 'silent', development: false }),
    hintSiblings: async () => {},
    isPrimary: true,
  })
  const { passwords, revocations } = program.auth
  await addUser(
    { store, clock, passwords, revocations },
    {
      ...{ username: 'alice', password: goodPassword, roles: ['clerk'], email: 'alice@example.com' },
      ...{ scopes: ['orders:read'], minimumPasswordLength: 15 },
    },
    { actor: 'test' },
  )
  const port = await listen(program.server)
  return {
    ...{ program, store, clock, port, issuer, received },
    app: 'http://shop.localhost:8080',
    otherApp: 'http://other.localhost:8080',
    async stopService() {
      const closed = new Promise((done) => upstream.close(done))
      upstream.closeAllConnections()
      await closed
    },
    async startService() {
      await listen(upstream, servicePort)
    },
    newBrowser: () => new HostBrowser(port),
    async signIn(browser, address) {
      return browser.submit(await browser.visit(address), { username: 'alice', password: goodPassword })
    },
    async close() {
      program.server.close()
      program.server.closeAllConnections()
      await program.close()
      upstream.close()
      upstream.closeAllConnections()
    },
  }
}

const defaultRoutes = `
      - { path: /**, require: signed-in }
      - { path: /api/orders, require: { scopes: [orders:read] } }
      - { path: /api/secrets, require: { scopes: [secrets:read] } }
      - { path: /open/**, require: optional }
      - { path: /fresh/**, require: { max_age: 5m } }
      - { path: /strong/**, require: { acr: ['2'] } }
      - { path: /limited, require: signed-in, limits: { rate: [{ per: route, requests: 1, in: 1m }] } }
      - { path: /goodbye, require: nothing }`

async function listen(server: Server | Program['server'], port = 0): Promise<number> {
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return (server.address() as AddressInfo).port
}
