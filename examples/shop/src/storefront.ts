import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuard, type Guard, type Principal } from '@gatehouse/guard'
import { guardNode } from '@gatehouse/guard/adapters/node'
import { pathOf, readBody } from './json-server.ts'
import { isItem, isQuantity, type OrderBook } from './order-book.ts'
import { renderGoodbye, renderShop, renderWrongOrder, script, style } from './storefront-page.ts'

/** The guard of the storefront: whatever comes must have come through the gateway. */
export const createStorefrontGuard = (issuer: string): Guard => createGuard({ issuer, audience: `${issuer}/shop` })

/**
 * The storefront: pages for people. Gatehouse signs them in, keeps the session and tells who they are; what stands here is the
 * shop alone.
 */
export function createStorefront({ guard, book }: { guard: Guard; book: OrderBook }) {
  const guarded = guardNode(guard)(async (request, response, principal) => {
    const path = pathOf(request)
    if (path === '/shop' && (request.method === 'GET' || request.method === 'HEAD')) {
      const { subject, roles } = principal
      sendPage(response, 200, renderShop({ subject, roles: [...roles] }, book.list()))
    } else if (path === '/shop/orders' && request.method === 'POST')
      await placeOrder(request, response, principal, book)
    else sendPage(response, 404, 'There is nothing here')
  })

  return (request: IncomingMessage, response: ServerResponse): void | Promise<void> => {
    const path = pathOf(request)
    if (path === '/shop/goodbye') return sendPage(response, 200, renderGoodbye())
    if (path === '/shop/assets/shop.css') return send(response, 200, style, 'text/css')
    if (path === '/shop/assets/live.js') return send(response, 200, script, 'text/javascript')
    return guarded(request, response)
  }
}

async function placeOrder(
  request: IncomingMessage,
  response: ServerResponse,
  { subject }: Principal,
  book: OrderBook,
): Promise<void> {
  const fields = new URLSearchParams(await readBody(request))
  const item = fields.get('item')
  const quantity = Number(fields.get('quantity'))
  if (!isItem(item) || !isQuantity(quantity)) return sendPage(response, 400, renderWrongOrder())
  book.add(item, quantity, subject)
  response.writeHead(303, { location: '/shop' }).end()
}

function send(response: ServerResponse, status: number, text: string, type: string): void {
  response
    .writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' })
    .end(text)
}

/** A page that loads nothing from elsewhere, and is shown in no frame. */
function sendPage(response: ServerResponse, status: number, text: string): void {
  response.setHeader('content-security-policy', "default-src 'self'; frame-ancestors 'none'; form-action 'self'")
  send(response, status, text, 'text/html')
}
