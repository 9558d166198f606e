import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInventory } from './inventory.ts'
import { startJsonServer } from './json-server.ts'
import { createOrders } from './orders.ts'

/** Where the shop's services listen and whom they trust. */
export interface ShopOptions {
  /** The issuer of the identities that arrive here: Gatehouse's public URL. */
  readonly issuer: string
  /** 4001 unless said otherwise; 0 = any free port. */
  readonly ordersPort?: number
  /** 4002 unless said otherwise; 0 = any free port. */
  readonly inventoryPort?: number
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string
}

/** The running shop. */
export interface Shop {
  readonly ordersUrl: string
  readonly inventoryUrl: string
  stop(): Promise<void>
}

/** Starts both services. Their audiences are the issuer with `/orders` and `/inventory`. */
export async function startShop({
  issuer,
  ordersPort = 4001,
  inventoryPort = 4002,
  host = '127.0.0.1',
}: ShopOptions): Promise<Shop> {
  const orders = await startJsonServer(createOrders({ issuer }), { port: ordersPort, host })
  let inventory: Server
  try {
    inventory = await startJsonServer(createInventory({ issuer }), { port: inventoryPort, host })
  } catch (error) {
    await stopServer(orders)
    throw error
  }
  return {
    ordersUrl: urlOf(orders, host),
    inventoryUrl: urlOf(inventory, host),
    async stop() {
      await Promise.all([stopServer(orders), stopServer(inventory)])
    },
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
