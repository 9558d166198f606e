import { TestBrowser } from '@gatehouse/auth/testing/browser'
import { createSite, findFreePort, type Site } from '../flows/running-program.ts'

/** The shipped program in development mode, as `gatehouse dev` starts it, and a browser for it. */
export interface DevelopmentSite {
  readonly site: Site
  readonly issuer: string
  newBrowser(): TestBrowser
}

/** The demo users' password. */
export const demoPassword = 'wonderland-tea-party'
/** Where the demo apps are redirected to; nothing needs to listen there. */
export const demoRedirect = 'http://127.0.0.1:39002/cb'

/** Starts it with further configuration. Nothing in it is made for the clients that are tried on it. */
export async function startDevelopmentSite(more = ''): Promise<DevelopmentSite> {
  const site = await createSite()
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  site.configure(`issuer: ${issuer}\nlisten: 127.0.0.1:${port}\ndatabase: ./gatehouse.db\n${more}`)
  await site.start(['dev'])
  return { site, issuer, newBrowser: () => new TestBrowser(`http://127.0.0.1:${port}`, issuer) }
}

/** The services of the example shop, as far as their routes go. */
export const shopServices = (port: number): string => `services:
  orders:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /orders/**, methods: [GET], require: { scopes: [orders:read] } }
      - { path: /orders/**, methods: [POST], require: { scopes: [orders:write] } }
  inventory:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /inventory/**, methods: [GET], require: { scopes: [inventory:read] } }
`
