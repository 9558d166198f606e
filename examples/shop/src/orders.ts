import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuard, type Principal } from '@gatehouse/guard'
import { guardNode } from '@gatehouse/guard/adapters/node'
import { pathOf, readJsonObject, sendJson } from './json-server.ts'

interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  /** Who placed it. */
  readonly placed_by: string
}

/** Orders live in memory; when so many are there, the oldest makes room. */
const maxOrders = 1000

/**
 * The orders service: it leaves scopes and roles to the gateway's rules and takes from it who is calling. It believes the
 * X-Gatehouse-* headers only because the signed identity beside them says the same.
 */
export function createOrders({ issuer }: { issuer: string }) {
  const guard = createGuard({ issuer, audience: `${issuer}/orders` })
  const orders = new Map<string, Order>()
  let lastNumber = 0

  const add = (item: string, quantity: number, placed_by: string): Order => {
    lastNumber += 1
    const order = { id: String(lastNumber), item, quantity, placed_by }
    orders.set(order.id, order)
    const [oldest] = orders.keys()
    if (orders.size > maxOrders && oldest !== undefined) orders.delete(oldest)
    return order
  }
  add('lamp', 2, 'usr_example')

  return guardNode(guard)(async (request, response, principal) => {
    if (request.headers['x-gatehouse-subject'] !== principal.subject) {
      sendJson(response, 403, {
        error: 'forbidden',
        error_description: 'This request did not come through the gateway',
      })
      return
    }
    const caller = describeCaller(request, principal)
    const path = pathOf(request)
    if (path === '/orders' && isRead(request)) {
      sendJson(response, 200, { caller, orders: [...orders.values()] })
    } else if (path === '/orders' && request.method === 'POST') {
      await placeOrder(request, response, { add, caller })
    } else if (/^\/orders\/[^/]+$/.test(path) && isRead(request)) {
      const order = orders.get(path.slice('/orders/'.length))
      if (order) sendJson(response, 200, { caller, order })
      else sendJson(response, 404, { error: 'not_found' })
    } else {
      sendJson(response, 404, { error: 'not_found' })
    }
  })
}

async function placeOrder(
  request: IncomingMessage,
  response: ServerResponse,
  { add, caller }: { add: (item: string, quantity: number, by: string) => Order; caller: { subject: string } },
): Promise<void> {
  const body = await readJsonObject(request)
  const { item = 'lamp', quantity = 1 } = body ?? {}
  if (!body || typeof item !== 'string' || item === '' || item.length > 100 || !isQuantity(quantity)) {
    sendJson(response, 400, { error: 'invalid_request', error_description: 'An order has an item and a quantity' })
    return
  }
  sendJson(response, 201, { caller, order: add(item, quantity, caller.subject) })
}

/** Who is calling, as the gateway's headers put it and as the signed identity confirms. */
const describeCaller = (request: IncomingMessage, principal: Principal) => ({
  subject: principal.subject,
  kind: principal.kind,
  client: principal.clientId,
  scope: [...principal.scopes].join(' '),
  roles: [...principal.roles],
  session: principal.session ?? '',
  headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith('x-gatehouse-'))),
})

const isRead = ({ method }: IncomingMessage): boolean => method === 'GET' || method === 'HEAD'
const isQuantity = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 1e6
