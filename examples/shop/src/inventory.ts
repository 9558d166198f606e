import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuard } from '@gatehouse/guard'
import { guardNode } from '@gatehouse/guard/adapters/node'
import { pathOf, sendJson } from './json-server.ts'

const goods = new Map([
  ['lamp', { sku: 'lamp', name: 'Lamp', stock: 12 }],
  ['chair', { sku: 'chair', name: 'Chair', stock: 4 }],
  ['table', { sku: 'table', name: 'Table', stock: 0 }],
])

/**
 * The inventory service: it trusts nobody, not even the gateway's rules, and checks token, audience and scope itself with
 * the guard. Its catalogue is for everybody.
 */
export function createInventory({ issuer }: { issuer: string }) {
  const guard = createGuard({ issuer, audience: `${issuer}/inventory` })
  const guarded = guardNode(guard, { scopes: ['inventory:read'] })

  const inventory = guarded((request, response, principal) => {
    const caller = { subject: principal.subject, client: principal.clientId }
    const sku = find(request, '/inventory')
    const good = goods.get(sku ?? '')
    if (sku === '') sendJson(response, 200, { caller, items: [...goods.values()] })
    else if (good) sendJson(response, 200, { caller, item: good })
    else sendJson(response, 404, { error: 'not_found' })
  })

  return (request: IncomingMessage, response: ServerResponse): void | Promise<void> => {
    const path = pathOf(request)
    if (request.method !== 'GET' && request.method !== 'HEAD') sendJson(response, 404, { error: 'not_found' })
    else if (path === '/catalogue' || path.startsWith('/catalogue/')) sendCatalogue(request, response)
    else return inventory(request, response)
  }
}

/** The public part: what there is, but not how much of it. */
function sendCatalogue(request: IncomingMessage, response: ServerResponse): void {
  const sku = find(request, '/catalogue')
  const entries = [...goods.values()].map(({ sku, name }) => ({ sku, name }))
  const entry = entries.find((candidate) => candidate.sku === sku)
  if (sku === '') sendJson(response, 200, { items: entries })
  else if (entry) sendJson(response, 200, { item: entry })
  else sendJson(response, 404, { error: 'not_found' })
}

/** What follows the prefix: empty for the whole list, `undefined` for a path that is neither list nor item. */
function find(request: IncomingMessage, prefix: string): string | undefined {
  const rest = pathOf(request).slice(prefix.length)
  if (!pathOf(request).startsWith(prefix)) return undefined
  if (rest === '' || rest === '/') return ''
  return /^\/[^/]+$/.test(rest) ? rest.slice(1) : undefined
}
