import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startShop } from '@gatehouse/example-shop/shop'
import { createSite, findFreePort, root, type Site } from '../flows/running-program.ts'

/** What `npm start` starts: the program in development mode in front of the example shop. */
export interface ShopSite {
  readonly site: Site
  readonly issuer: string
  /** The origin of the storefront: the issuer's, or one of its own. */
  readonly app: string
  /** Another origin of the same site, to which browsers send the storefront's cookies along. */
  readonly neighbour: string
  remove(): Promise<void>
}

/** Starts it by the example's own file; on `host`, a name for this machine, where the storefront is to have one of its own. */
export async function startShopSite(host = 'localhost'): Promise<ShopSite> {
  const [port, ordersPort, inventoryPort, storefrontPort] = await Promise.all([
    findFreePort(),
    findFreePort(),
    findFreePort(),
    findFreePort(),
  ])
  const issuer = `http://localhost:${port}`
  const site = await createSite()
  const places = { ':8080': port, ':4001': ordersPort, ':4002': inventoryPort, ':4003': storefrontPort }
  const own = host === 'localhost' ? '' : `host: ${host}:${port}\n    audience: ${issuer}/shop\n    `
  const example = readFileSync(join(root, 'examples/shop/gatehouse.yaml'), 'utf8').replace('session:', `${own}session:`)
  site.configure(Object.entries(places).reduce((text, [from, to]) => text.replaceAll(from, `:${to}`), example))
  const shop = await startShop({ issuer, ordersPort, inventoryPort, storefrontPort })
  await site.start(['dev'])
  return {
    ...{ site, issuer, app: `http://${host}:${port}`, neighbour: `http://${host}:${inventoryPort}` },
    async remove() {
      await Promise.all([site.remove(), shop.stop()])
    },
  }
}
