import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuard, type Guard, type Principal } from '@gatehouse/guard'
import { guardNode } from '@gatehouse/guard/adapters/node'
import { pathOf, readBody } from './json-server.ts'
import { isItem, isQuantity, type OrderBook } from './order-book.ts'
import { renderGoodbye, renderNothing, renderShop, renderWrongOrder, script, style } from './storefront-page.ts'

/** The guard of the storefront: whatever comes must have come through the gateway. */
export const createStorefrontGuard = (issuer: string): Guard => createGuard({ issuer, audience: `${issuer}/shop` })

/**
 * The storefront: pages for people. Gatehouse signs them in, keeps the session and tells who they are; what stands here is the
 * shop alone.
 */
export function createStorefront({ issuer, guard, book }: { issuer: string; guard: Guard; book: OrderBook }) {
  /**
   * A page that loads nothing from elsewhere, and is shown in no frame. Its forms may lead to the issuer: there a browser is
   * sent whose session is over, and it takes redirects for a part of what a form may do.
   */
  const policy = `default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${issuer}`
  const sendPage = (response: ServerResponse, status: number, text: string): void => {
    // What stands on it is one person's: also the way back, after they have left, has to ask for it again.
    response.setHeader('cache-control', 'no-store')
    response.setHeader('content-security-policy', policy)
    send(response, status, text, 'text/html')
  }

  const guarded = guardNode(guard)(async (request, response, principal) => {
    const path = pathOf(request)
    if (path === '/shop' && (request.method === 'GET' || request.method === 'HEAD')) {
      const { subject, roles, scopes } = principal
      const who = { subject, roles: [...roles], mayOrder: scopes.has('orders:write') }
      sendPage(response, 200, renderShop(who, book.list()))
    } else if (path === '/shop/orders' && request.method === 'POST') {
      if (await placeOrder(request, principal, book)) response.writeHead(303, { location: '/shop' }).end()
      else sendPage(response, 400, renderWrongOrder())
    } else sendPage(response, 404, renderNothing())
  })

  return (request: IncomingMessage, response: ServerResponse): void | Promise<void> => {
    const path = pathOf(request)
    if (path === '/shop/goodbye') return sendPage(response, 200, renderGoodbye())
    if (path === '/shop/assets/shop.css') return send(response, 200, style, 'text/css')
    if (path === '/shop/assets/live.js') return send(response, 200, script, 'text/javascript')
    return guarded(request, response)
  }
}

/** Whether what was sent is an order, which is placed then. */
async function placeOrder(request: IncomingMessage, { subject }: Principal, book: OrderBook): Promise<boolean> {
  const fields = new URLSearchParams(await readBody(request))
  const item = fields.get('item')
  const quantity = Number(fields.get('quantity'))
  if (!isItem(item) || !isQuantity(quantity)) return false
  book.add(item, quantity, subject)
  return true
}

function send(response: ServerResponse, status: number, text: string, type: string): void {
  response
    .writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' })
    .end(text)
}
