import { identityHeaders } from '@gatehouse/core/wire-names'
import type { Client } from '@grpc/grpc-js'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  callEnvoyService,
  connectEnvoy,
  decodeAnswer,
  type EnvoyHears,
  encodeQuestion,
  type HeaderOptions,
  statusOf,
} from '../fixtures/envoy.ts'
import { issuerHost, startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { peerAddress, requestScheme } from '../visit.ts'
import { decodeQuestion } from './messages.ts'
import { createExtAuthzServer, type ExtAuthzServer } from './server.ts'

let test: TestGateway
let server: ExtAuthzServer
let client: Client
let isTrusted = true

beforeAll(async () => {
  const routes = [
    { path: '/public/**', require: 'nothing' },
    { path: '/orders/**', methods: ['GET'], require: { scopes: ['orders:read'] } },
    { path: '/lan/**', require: { caller: 'nothing', addresses: ['192.0.2.0/24'] } },
  ] as const
  const orders = { name: 'orders', audience: 'https://orders.test', upstream: [], forwardAuth: true, routes }
  const findStated: typeof peerAddress = ({ headers }) => `${headers['x-forwarded-for']}`.split(', ').at(-1) ?? ''
  test = await startGateway([orders] as Parameters<typeof startGateway>[0], {
    dependencies: {
      origin: { address: peerAddress, scheme: requestScheme, isTrustedProxy: () => isTrusted, findStated },
    },
  })
  server = createExtAuthzServer(test.gateway)
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  client = connectEnvoy(port)
})
afterAll(async () => {
  client.close()
  await server.close()
  await test.stop()
})
beforeEach(() => {
  isTrusted = true
})

const call = (bytes: Buffer): Promise<Buffer> => callEnvoyService(client, bytes)

/** Asks as an Envoy does about a request that it has. */
async function ask(path: string, http: object = {}, headers: Record<string, string> = {}): Promise<EnvoyHears> {
  const pseudo = { ':method': 'GET', ':path': path, ':authority': issuerHost }
  const request = {
    id: '1',
    method: 'GET',
    path,
    host: issuerHost,
    scheme: 'https',
    size: 7,
    raw_body: Buffer.from('x'),
  }
  const source = { address: { socket_address: { address: '192.0.2.7', port_value: 4 } }, principal: 'spiffe://x' }
  const attributes = {
    ...{ source, destination: source, context_extensions: { a: 'b' } },
    request: { http: { ...request, headers: { ...pseudo, ...headers }, ...http } },
  }
  return decodeAnswer(await call(encodeQuestion(attributes)))
}
const as = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
const valuesOf = (options: HeaderOptions = []): Record<string, string> =>
  Object.fromEntries(options.map(({ header }) => [header.key, header.value]))

describe('an Envoy that asks', () => {
  it('is answered by the routes and rules of the request that it asks about', async () => {
    expect(statusOf(await ask('/orders/7?x=1', {}, as('reader')))).toBe(200)
    expect(statusOf(await ask('/orders/7', {}, as('writer')))).toBe(403)
    expect(statusOf(await ask('/orders/7', { method: 'POST' }, as('reader')))).toBe(405)
    expect(statusOf(await ask('/nowhere'))).toBe(404)
    expect(statusOf(await ask('/orders/7', { host: 'other.test' }, as('reader')))).toBe(421)
    for (const path of ['/public/../orders/7', '/public//x', '/public/%2e%2e/orders/7', '*', '']) {
      expect(statusOf(await ask(path)), path).toBe(400)
    }
    const { denied_response } = await ask('/orders/7')
    expect(denied_response?.status.code).toBe(401)
    expect(valuesOf(denied_response?.headers)).toMatchObject({
      'www-authenticate': expect.stringContaining('Bearer'),
      'content-type': 'application/json',
    })
    expect(JSON.parse(denied_response?.body ?? '')).toMatchObject({ error: 'credentials_required' })
  })

  it('is told every identity header: to set it in the place of the client’s, or to take it away', async () => {
    const names = [...Object.values(identityHeaders), 'authorization', 'cookie', 'x-request-id'].sort()
    for (const [path, headers] of [
      ['/orders/7', as('reader')],
      ['/public/x', { ...as('reader'), cookie: 'a=1; __Host-gatehouse_app=secret' }],
      ['/public/x', {}],
    ] as const) {
      const { ok_response } = await ask(path, {}, headers)
      const set = valuesOf(ok_response?.headers)
      expect([...Object.keys(set), ...(ok_response?.headers_to_remove ?? [])].sort()).toEqual(names)
      for (const { append, header } of ok_response?.headers ?? []) {
        expect([header.value === '', append]).toEqual([false, expect.anything()])
      }
    }
    const { ok_response } = await ask('/orders/7', {}, { ...as('reader'), cookie: 'a=1; __Host-gatehouse_app=secret' })
    expect(valuesOf(ok_response?.headers)).toMatchObject({
      'x-gatehouse-subject': 'usr_0123456789abcdefghijkl',
      authorization: 'Bearer identity-of-usr_0123456789abcdefghijkl-for-orders',
      cookie: 'a=1',
    })
  })

  it('takes away what other proxies would say of who calls and what was asked for, and leaves what it writes itself', async () => {
    const foreign = [
      'remote-user',
      'x-original-url',
      'x-auth-request-user',
      'x-forwarded-host',
      'x-forwarded-uri',
      'dpop',
    ]
    const spelled = ['x_real_ip', 'ssl_client_verify', 'x-forwarded.for', 'transfer.encoding']
    const left = [
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-envoy-external-address',
      'te',
      'upgrade',
      'accept',
      'x-mine',
    ]
    const headers = Object.fromEntries([...foreign, ...spelled, ...left].map((name) => [name, 'x']))
    const { ok_response } = await ask('/public/x', {}, headers)
    const removed = ok_response?.headers_to_remove ?? []
    for (const name of [...foreign, ...spelled]) expect(removed, name).toContain(name)
    for (const name of left) expect(removed, name).not.toContain(name)
  })

  it('is refused for a request that brings identity, or says itself what it is', async () => {
    for (const name of ['x-gatehouse-subject', 'x_gatehouse_subject', 'x.gatehouse.roles', 'x_forwarded_uri']) {
      expect(statusOf(await ask('/public/x', {}, { [name]: '/public/x' })), name).toBe(400)
    }
    expect(statusOf(await ask('/orders/7', {}, { 'x-forwarded-uri': '/public/x' }))).toBe(401)
    expect(statusOf(await ask('/orders/7', {}, { 'x-forwarded-method': 'GET', 'x-forwarded-host': 'x' }))).toBe(401)
  })

  it('says itself from where a request came, after whatever the client says', async () => {
    const from = (address: string) => ({ source: { address: { socket_address: { address } } } })
    expect(statusOf(await ask('/lan/x'))).toBe(200)
    const elsewhere = from('203.0.113.9')
    const http = { method: 'GET', path: '/lan/x', host: issuerHost, headers: { 'x-forwarded-for': '192.0.2.7' } }
    const answer = decodeAnswer(await call(encodeQuestion({ ...elsewhere, request: { http } })))
    expect(statusOf(answer)).toBe(403)
    const unsaid = decodeAnswer(await call(encodeQuestion({ request: { http } })))
    expect(statusOf(unsaid)).toBe(403)
  })

  it('may send headers as bytes, and one twice, of which none counts then', async () => {
    const raw = (...tokens: string[]) => ({
      headers: {},
      header_map: {
        headers: tokens.map((token) => ({ key: 'authorization', raw_value: Buffer.from(`Bearer ${token}`) })),
      },
    })
    expect(statusOf(await ask('/orders/7', raw('reader')))).toBe(200)
    expect(statusOf(await ask('/orders/7', raw('reader', 'reader')))).not.toBe(200)
  })

  it('is believed only where it is trusted', async () => {
    isTrusted = false
    expect(statusOf(await ask('/public/x'))).toBe(403)
  })

  it('hears an error for what is no question', async () => {
    for (const bytes of [Buffer.from([10, 200]), Buffer.from('GET / HTTP/1.1'), Buffer.from([10, 2, 34, 90])]) {
      await expect(call(bytes)).rejects.toMatchObject({ code: 13 })
    }
    expect(statusOf(await ask('/public/x'))).toBe(200)
    expect(() => decodeQuestion(Buffer.from([10, 2, 34, 90]))).toThrow(RangeError)
  })
})
