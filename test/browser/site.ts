import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newPkce } from '@gatehouse/auth/testing/browser'
import { createSite, findFreePort, type Site } from '../flows/running-program.ts'

/** The shipped program in development mode, users of its own, and an app that sends people there and takes them back. */
export interface BrowserSite {
  readonly site: Site
  readonly issuer: string
  /** Adds somebody; names are free in each test. */
  addUser(username: string, role?: string): Promise<void>
  /** Where an app of that id sends people to. */
  authorize(client: string, more?: Readonly<Record<string, string>>): string
  remove(): Promise<void>
}

/** The password of everybody here. */
export const password = 'wonderland-tea-party'

const configurationFor = (redirectUri: string): string => `
second_factor: { required_for_roles: [treasurer] }
clients:
  flowers: { client_name: Flower shop, public: true, redirect_uris: ['${redirectUri}'], scopes: [orders:read] }
  books: { client_name: Book shop, public: true, redirect_uris: ['${redirectUri}'], scopes: [orders:read] }
  tv:
    client_name: Television
    public: true
    grant_types: [urn:ietf:params:oauth:grant-type:device_code]
    scopes: [orders:read]
  counter:
    client_name: Counter
    secret: counter-secret
    auth_method: client_secret_post
    grant_types: [urn:openid:params:grant-type:ciba]
    scopes: [orders:read]
`

/** The page of the app to which people come back. */
async function startApp(): Promise<Server> {
  const page = '<!doctype html><html lang="en"><title>App</title><main><h1 id="app">Back in the app</h1></main></html>'
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return server
}

/** Starts it, with further configuration, and on a port that is known beforehand where that names it. */
export async function startBrowserSite(more = '', knownPort?: number): Promise<BrowserSite> {
  const app = await startApp()
  const redirectUri = `http://127.0.0.1:${(app.address() as AddressInfo).port}/cb` // a TCP server's
  const site = await createSite()
  const port = knownPort ?? (await findFreePort())
  // A secure context, as passkeys need it, without a certificate.
  const issuer = `http://localhost:${port}`
  const configuration = configurationFor(redirectUri)
  site.configure(`issuer: ${issuer}\nlisten: 127.0.0.1:${port}\ndatabase: ./gatehouse.db\n${configuration}${more}`)
  await site.start(['dev'])
  return {
    site,
    issuer,
    async addUser(username, role) {
      const args = ['user', 'add', username, '--dev', '--scope', 'orders:read', ...(role ? ['--role', role] : [])]
      const { code, stderr } = await site.run(args, `${password}\n`)
      if (code !== 0) throw new Error(stderr)
    },
    authorize(client, given = {}) {
      const asked = { client_id: client, redirect_uri: redirectUri, response_type: 'code', scope: 'openid orders:read' }
      const pkce = { code_challenge: newPkce().challenge, code_challenge_method: 'S256' }
      return `${issuer}/oauth/authorize?${new URLSearchParams({ ...asked, ...pkce, ...given })}`
    },
    async remove() {
      await site.remove()
      app.close()
      app.closeAllConnections()
    },
  }
}
