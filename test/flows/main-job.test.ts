import { type Shop, startShop } from '@gatehouse/example-shop/shop'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, findFreePort, get, postForm, postJson, type Running, type Site } from './running-program.ts'

const password = 'wonderland-tea-party'

let site: Site
let running: Running
let shop: Shop
let url: string

beforeAll(async () => {
  const [orders, inventory] = [await findFreePort(), await findFreePort()]
  site = await createSite()
  url = `http://localhost:${site.port}`
  site.configure(`issuer: ${url}
listen: 127.0.0.1:${site.port}
services:
  orders:
    upstream: http://127.0.0.1:${orders}
    routes:
      - { path: /orders/**, methods: [GET], require: { scopes: [orders:read] } }
      - { path: /orders/**, methods: [POST], require: { scopes: [orders:write] } }
  inventory:
    upstream: http://127.0.0.1:${inventory}
    routes:
      - { path: /inventory/**, methods: [GET], require: { scopes: [inventory:read] } }
      - { path: /catalogue/**, methods: [GET], require: nothing }
`)
  running = await site.start(['dev'])
  shop = await startShop({ issuer: url, ordersPort: orders, inventoryPort: inventory, storefrontPort: 0 })
})
afterAll(async () => {
  await shop?.stop()
  await site?.remove()
})

const bearer = (token: unknown): Record<string, string> => ({ authorization: `Bearer ${token}` })
const signIn = async (username: string): Promise<Record<string, unknown>> =>
  (await postJson(`${url}/login`, { username, password })).json

describe('the main job', () => {
  it('signs in, passes the gateway, refreshes, validates, logs out, and is refused everywhere at once', async () => {
    const pair = await signIn('alice')
    const list = await get(`${url}/orders`, bearer(pair.access_token))
    expect(list.status).toBe(200)
    expect(JSON.stringify(list.json)).toContain('usr_')
    const made = await postJson(`${url}/orders`, { item: 'teapot', quantity: 2 }, bearer(pair.access_token))
    expect(made.status).toBe(201)

    const next = (await postJson(`${url}/token/refresh`, { refresh_token: pair.refresh_token })).json
    expect((await get(`${url}/orders`, bearer(next.access_token))).status).toBe(200)
    expect((await postJson(`${url}/validate`, { token: next.access_token, audience: url })).json).toMatchObject({
      valid: true,
      client_id: 'first-party',
    })

    expect((await postJson(`${url}/logout`, {}, bearer(next.access_token))).status).toBe(204)
    for (const token of [pair.access_token, next.access_token]) {
      const refused = await get(`${url}/orders`, bearer(token))
      expect([refused.status, refused.json.error]).toEqual([401, 'invalid_token'])
      expect(refused.json.decision_id).toMatch(/^dec_/)
      expect(String(refused.headers['www-authenticate'])).toMatch(/^Bearer .*error="invalid_token"/)
      expect((await postJson(`${url}/validate`, { token })).json).toEqual({ valid: false, reason: 'revoked' })
    }
    expect((await postJson(`${url}/token/refresh`, { refresh_token: next.refresh_token })).status).toBe(400)
  })

  it('gives each caller what the routes say', async () => {
    const bob = await signIn('bob')
    expect((await get(`${url}/orders`, bearer(bob.access_token))).status).toBe(200)
    const refused = await postJson(`${url}/orders`, { item: 'x', quantity: 1 }, bearer(bob.access_token))
    expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope'])
    expect(String(refused.headers['www-authenticate'])).toContain('scope="orders:write"')
    expect((await get(`${url}/inventory`, bearer(bob.access_token))).status).toBe(403)

    const basic = { authorization: `Basic ${Buffer.from('demo-service:demo-service-secret').toString('base64')}` }
    const machine = (await postForm(`${url}/oauth/token`, { grant_type: 'client_credentials' }, basic)).json
    expect((await get(`${url}/inventory`, bearer(machine.access_token))).status).toBe(200)
    expect((await get(`${url}/catalogue/lamp`)).status).toBe(200)
    expect((await get(`${url}/orders`)).status).toBe(401)
    expect((await get(`${url}/nothing-here`, bearer(bob.access_token))).status).toBe(404)
    const method = await postJson(`${url}/catalogue/x`, {})
    expect([method.status, method.headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('explains in the log what it tells strangers only by an id', async () => {
    const bob = await signIn('bob')
    const refused = await postJson(`${url}/orders`, { item: 'x', quantity: 1 }, bearer(bob.access_token))
    // The log comes through a pipe and may arrive after the answer.
    await vi.waitFor(() => expect(running.output()).toContain(String(refused.json.decision_id)))
    const line = running
      .output()
      .split('\n')
      .find((entry) => entry.includes(String(refused.json.decision_id)))
    expect(line).toContain('orders:write')
    expect(refused.text).not.toContain('orders /orders')
  })

  it('keeps identity out of the client’s hands', async () => {
    const pair = await signIn('alice')
    const spoofed = await get(`${url}/orders`, {
      ...bearer(pair.access_token),
      'X-Gatehouse-Subject': 'usr_root',
      X_Gatehouse_Roles: 'administrator',
    })
    expect(spoofed.status).toBe(200)
    expect(spoofed.text).not.toContain('usr_root')
    expect(spoofed.text).not.toContain('administrator')
  })

  it('reads paths in the bundle as in the source', async () => {
    for (const path of ['/catalogue/%ff', '/catalogue/%c3', '/catalogue/%252e', '/catalogue/..%2f', '/catalogue/%zz']) {
      const { status } = await get(url + path)
      expect(status, path).toBe(400)
    }
  })

  it('answers for no other host', async () => {
    expect((await get(`${url}/orders`, { host: 'evil.example' })).status).toBe(421)
    expect((await get(`${url}/livez`, { host: 'evil.example' })).status).toBe(200)
    expect((await get(`http://127.0.0.1:${site.port}/readyz`)).json).toEqual({ status: 'ready' })
  })

  it('counts what it does', async () => {
    const { text } = await get(`${url}/metrics`)
    for (const name of [
      'gatehouse_sign_ins_total{result="ok"}',
      'gatehouse_tokens_issued_total{grant_type="client_credentials"}',
      'gatehouse_validations_total{reason="valid"}',
      'gatehouse_gateway_decisions_total{route="orders /orders/**",outcome="allowed"}',
      'gatehouse_event_loop_lag_p99_seconds',
      'gatehouse_hash_queue_depth',
    ]) {
      expect(text).toContain(name)
    }
  })
})

describe('bad input', () => {
  const post = (path: string, body: string, type = 'application/json') =>
    fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': type } })
  const error = async (response: Promise<Response>): Promise<unknown[]> => {
    const answer = await response
    const { error: code } = (await answer.json()) as { error: string }
    return [answer.status, code]
  }
  const deep = (depth: number): string => `{"username":"a","password":"b","x":${'['.repeat(depth)}${']'.repeat(depth)}}`

  it('is refused with the status and code that say what is wrong', async () => {
    expect(await error(fetch(`${url}/validate`))).toEqual([405, 'method_not_allowed'])
    expect(await error(post('/login', '{}', 'text/plain'))).toEqual([415, 'unsupported_media_type'])
    expect(await error(post('/login', '[]'))).toEqual([400, 'invalid_request'])
    expect(await error(post('/login', '"x"'))).toEqual([400, 'invalid_request'])
    expect(await error(post('/login', '{'))).toEqual([400, 'invalid_request'])
    expect(await error(post('/login', deep(30)))).toEqual([400, 'invalid_request'])
    expect(await error(post('/login', '{"__proto__":{"x":1},"username":"a","password":"b"}'))).toEqual([
      400,
      'invalid_request',
    ])
    expect(await error(post('/login', '{"username":"a","password":"b","\\u005f_proto__":1}'))).toEqual([
      400,
      'invalid_request',
    ])
    expect(await error(post('/login', JSON.stringify({ username: 'a', password: 'x'.repeat(70_000) })))).toEqual([
      413,
      'payload_too_large',
    ])
    expect(await error(post('/login', JSON.stringify({ username: 'a', password: 'x'.repeat(1025) })))).toEqual([
      400,
      'invalid_request',
    ])
    expect(await error(post('/oauth/token', 'grant_type=a&grant_type=b', 'application/x-www-form-urlencoded'))).toEqual(
      [400, 'invalid_request'],
    )
    expect(await error(fetch(`${url}/oauth/unknown`))).toEqual([404, 'not_found'])
    expect(await error(fetch(`${url}/${'x'.repeat(9000)}`))).toEqual([414, 'uri_too_long'])
  })

  it('of the same password length costs no hash: it is refused in less time than one takes', async () => {
    const startedAt = performance.now()
    for (let count = 0; count < 20; count += 1)
      await post('/login', JSON.stringify({ username: 'alice', password: 'x'.repeat(2000) }))
    expect((performance.now() - startedAt) / 20).toBeLessThan(50)
  })
})
