import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuard, type Principal } from '@gatehouse/guard'
import { guardNode } from '@gatehouse/guard/adapters/node'
import { pathOf, readJsonObject, sendJson } from './json-server.ts'
import { isItem, isQuantity, type OrderBook } from './order-book.ts'

/**
 * The orders service: it leaves scopes and roles to the gateway's rules and takes from it who is calling. It believes the
 * X-Gatehouse-* headers only because the signed identity beside them says the same.
 */
export function createOrders({ issuer, book }: { issuer: string; book: OrderBook }) {
  const guard = createGuard({ issuer, audience: `${issuer}/orders` })

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
      sendJson(response, 200, { caller, orders: book.list() })
    } else if (path === '/orders' && request.method === 'POST') {
      await placeOrder(request, response, { book, caller })
    } else if (/^\/orders\/[^/]+$/.test(path) && isRead(request)) {
      const order = book.find(path.slice('/orders/'.length))
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
  { book, caller }: { book: OrderBook; caller: { subject: string } },
): Promise<void> {
  const body = await readJsonObject(request)
  const { item = 'lamp', quantity = 1 } = body ?? {}
  if (!body || !isItem(item) || !isQuantity(quantity)) {
    sendJson(response, 400, { error: 'invalid_request', error_description: 'An order has an item and a quantity' })
    return
  }
  sendJson(response, 201, { caller, order: book.add(item, quantity, caller.subject) })
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
