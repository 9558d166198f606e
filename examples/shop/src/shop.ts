import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInventory } from './inventory.ts'
import { startJsonServer } from './json-server.ts'
import { serveLiveOrders } from './live-orders.ts'
import { OrderBook } from './order-book.ts'
import { createOrders } from './orders.ts'
import { createStorefront, createStorefrontGuard } from './storefront.ts'

/** Where the shop's services listen and whom they trust. */
export interface ShopOptions {
  /** The issuer of the identities that arrive here: Gatehouse's public URL. */
  readonly issuer: string
  /** 4001 unless said otherwise; 0 = any free port. */
  readonly ordersPort?: number
  /** 4002 unless said otherwise; 0 = any free port. */
  readonly inventoryPort?: number
  /** 4003 unless said otherwise; 0 = any free port. */
  readonly storefrontPort?: number
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string
}

/** The running shop. */
export interface Shop {
  readonly ordersUrl: string
  readonly inventoryUrl: string
  readonly storefrontUrl: string
  stop(): Promise<void>
}

/** Starts all services, or none. Their audiences are the issuer with `/orders`, `/inventory` and `/shop`. */
export async function startShop({
  issuer,
  ordersPort = 4001,
  inventoryPort = 4002,
  storefrontPort = 4003,
  host = '127.0.0.1',
}: ShopOptions): Promise<Shop> {
  const book = new OrderBook()
  const guard = createStorefrontGuard(issuer)
  const started: Server[] = []
  const start = async (handler: Parameters<typeof startJsonServer>[0], port: number): Promise<Server> => {
    const server = await startJsonServer(handler, { port, host })
    started.push(server)
    return server
  }
  try {
    const orders = await start(createOrders({ issuer, book }), ordersPort)
    const inventory = await start(createInventory({ issuer }), inventoryPort)
    const storefront = await start(createStorefront({ issuer, guard, book }), storefrontPort)
    serveLiveOrders(storefront, { guard, book })
    return {
      ordersUrl: urlOf(orders, host),
      inventoryUrl: urlOf(inventory, host),
      storefrontUrl: urlOf(storefront, host),
      async stop() {
        await Promise.all(started.map(stopServer))
      },
    }
  } catch (error) {
    await Promise.all(started.map(stopServer))
    throw error
  }
}

// A TCP server's address is never the name of a pipe.
const urlOf = (server: Server, host: string): string => `http://${host}:${(server.address() as AddressInfo).port}`

function stopServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
