import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Shop, startShop } from './shop.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
let issuer: string
let issuerServer: Server
let shop: Shop

beforeAll(async () => {
  issuerServer = createServer((request, response) => {
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }
    const answers: Record<string, unknown> = {
      '/.well-known/oauth-authorization-server': { issuer, jwks_uri: `${issuer}/jwks` },
      '/jwks': { keys: [jwk] },
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers[request.url ?? '']))
  })
  await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve))
  // A TCP server's address is never the name of a pipe.
  issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`
  shop = await startShop({ issuer, ordersPort: 0, inventoryPort: 0, storefrontPort: 0 })
})
afterAll(async () => {
  await shop.stop()
  issuerServer.close()
})

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What the gateway sends to a service: the signed identity, and the subject again as a header. */
function identity(service: string, claims: Record<string, unknown> = {}, subject = 'usr_1'): Record<string, string> {
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: 'ES256', typ: 'gatehouse-identity+jwt', kid: 'k' }
  const own = {
    iss: issuer,
    sub: 'usr_1',
    aud: `${issuer}/${service}`,
    iat: now,
    exp: now + 60,
    jti: 'j',
    client_id: 'web',
  }
  const signed = `${encode(header)}.${encode({ ...own, scope: 'orders:read inventory:read', roles: ['clerk'], ...claims })}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return { authorization: `Bearer ${signed}.${signature.toString('base64url')}`, 'x-gatehouse-subject': subject }
}

/** As much of the services' answers as the tests look into. */
interface Answer {
  readonly order: { readonly id: string }
  readonly orders: readonly unknown[]
  readonly item: { readonly stock: number }
  readonly items: readonly unknown[]
}

const ask = async (url: string, headers: Record<string, string> = {}, body?: unknown) => {
  const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(url, init)
  // What is not there shows as a failed expectation.
  return { status: response.status, body: (await response.json()) as Answer }
}

describe('orders', () => {
  it('says who called', async () => {
    const { status, body } = await ask(`${shop.ordersUrl}/orders?page=1`, identity('orders'))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      caller: { subject: 'usr_1', kind: 'user', client: 'web', headers: { 'x-gatehouse-subject': 'usr_1' } },
      orders: [{ id: '1', item: 'lamp' }],
    })
  })

  it('places an order and finds it again', async () => {
    const placed = await ask(`${shop.ordersUrl}/orders`, identity('orders'), { item: 'chair', quantity: 3 })
    expect(placed).toMatchObject({ status: 201, body: { order: { item: 'chair', quantity: 3, placed_by: 'usr_1' } } })
    const found = await ask(`${shop.ordersUrl}/orders/${placed.body.order.id}`, identity('orders'))
    expect(found).toMatchObject({ status: 200, body: { order: placed.body.order } })
    expect((await ask(`${shop.ordersUrl}/orders/999`, identity('orders'))).status).toBe(404)
  })

  it.each([{ item: '' }, { item: 'x', quantity: 0 }, { item: 'x', quantity: '3' }, [[]], { item: 'x'.repeat(20_000) }])(
    'refuses an order of %j',
    async (body) => {
      expect((await ask(`${shop.ordersUrl}/orders`, identity('orders'), body)).status).toBe(400)
    },
  )

  it('forgets the oldest order when there are a thousand', async () => {
    for (let count = 0; count < 1000; count += 1) {
      await ask(`${shop.ordersUrl}/orders`, identity('orders'), { item: 'lamp' })
    }
    const { body } = await ask(`${shop.ordersUrl}/orders`, identity('orders'))
    expect(body.orders.length).toBe(1000)
    expect((await ask(`${shop.ordersUrl}/orders/1`, identity('orders'))).status).toBe(404)
  })

  it('refuses what did not come through the gateway', async () => {
    expect((await ask(`${shop.ordersUrl}/orders`)).status).toBe(401)
    expect((await ask(`${shop.ordersUrl}/orders`, { 'x-gatehouse-subject': 'usr_1' })).status).toBe(401)
    expect((await ask(`${shop.ordersUrl}/orders`, identity('orders', {}, 'usr_2'))).status).toBe(403)
    expect((await ask(`${shop.ordersUrl}/orders`, identity('orders', {}, ''))).status).toBe(403)
    expect((await ask(`${shop.ordersUrl}/orders`, identity('inventory'))).status).toBe(401)
  })
})

describe('inventory', () => {
  it('answers a caller with the scope', async () => {
    const { status, body } = await ask(`${shop.inventoryUrl}/inventory/lamp`, identity('inventory'))
    expect([status, body.item.stock]).toEqual([200, 12])
    expect((await ask(`${shop.inventoryUrl}/inventory`, identity('inventory'))).body.items.length).toBe(3)
    expect((await ask(`${shop.inventoryUrl}/inventory/none`, identity('inventory'))).status).toBe(404)
  })

  it('checks scope and audience itself', async () => {
    const url = `${shop.inventoryUrl}/inventory`
    expect((await ask(url)).status).toBe(401)
    expect((await ask(url, identity('orders'))).status).toBe(401)
    expect((await ask(url, identity('inventory', { scope: 'orders:read' }))).status).toBe(403)
  })

  it('has a catalogue for everybody, without the stock', async () => {
    expect((await ask(`${shop.inventoryUrl}/catalogue`)).body.items[0]).toEqual({ sku: 'lamp', name: 'Lamp' })
    expect((await ask(`${shop.inventoryUrl}/catalogue/chair`)).body).toEqual({ item: { sku: 'chair', name: 'Chair' } })
    expect((await ask(`${shop.inventoryUrl}/catalogue/chair/x`)).status).toBe(404)
    expect((await ask(`${shop.inventoryUrl}/cataloguex`)).status).toBe(401)
  })
})

describe('the storefront', () => {
  const page = async (path: string, headers: Record<string, string> = {}, body?: string) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const init = body === undefined ? { headers } : { headers: { ...headers, ...type }, method: 'POST', body }
    const response = await fetch(shop.storefrontUrl + path, { ...init, redirect: 'manual' })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }

  it('shows who is there, and what was ordered', async () => {
    const { status, text, headers } = await page('/shop', identity('shop'))
    expect(status).toBe(200)
    expect(text).toContain('<code id="subject">usr_1</code>, clerk')
    expect(headers.get('content-security-policy')).toContain("default-src 'self'")
    // There its forms are led whose sender’s session has ended.
    expect(headers.get('content-security-policy')).toContain(`form-action 'self' ${issuer}`)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text).not.toContain('id="place"')
    const may = await page('/shop', identity('shop', { scope: 'orders:write' }))
    expect(may.text).toContain('id="place"')
    expect((await page('/shop/nowhere', identity('shop'))).status).toBe(404)
    expect((await page('/shop')).status).toBe(401)
    expect((await page('/shop', identity('orders'))).status).toBe(401)
  })

  it('takes an order, tells it to whoever watches, and shows it as text', async () => {
    const { authorization = '' } = identity('shop')
    const socket = new WebSocket(`${shop.storefrontUrl.replace('http', 'ws')}/shop/live`, {
      headers: { authorization },
    })
    await once(socket, 'open')
    const heard = once(socket, 'message')
    const item = '<b>bold</b>'
    const placed = await page('/shop/orders', identity('shop'), new URLSearchParams({ item, quantity: '3' }).toString())
    expect([placed.status, placed.headers.get('location')]).toEqual([303, '/shop'])
    expect(JSON.parse(String((await heard)[0]))).toMatchObject({ item, quantity: 3, placed_by: 'usr_1' })
    socket.close()
    expect((await page('/shop', identity('shop'))).text).toContain('&#60;b&#62;bold')
    for (const wrong of ['item=', 'item=x&quantity=0', 'quantity=1', `item=${'x'.repeat(20_000)}&quantity=1`]) {
      expect((await page('/shop/orders', identity('shop'), wrong)).status).toBe(400)
    }
  })

  it('opens its live list for nobody who has not come through the gateway', async () => {
    for (const path of ['/shop/live', '/shop/other']) {
      const socket = new WebSocket(shop.storefrontUrl.replace('http', 'ws') + path)
      expect(String((await once(socket, 'error'))[0])).toContain('401')
    }
  })

  it('says goodbye to anybody', async () => {
    expect((await page('/shop/goodbye')).status).toBe(200)
    for (const asset of ['shop.css', 'live.js']) expect((await page(`/shop/assets/${asset}`)).status).toBe(200)
  })
})
