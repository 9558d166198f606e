import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { buildSelfSigned } from '../fixtures/self-signed.ts'
import type { ServiceDefinition } from '../routes.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A service at https that says who has called, by the certificate's name. */
async function startSecure(options: ServerOptions) {
  let asked = 0
  const server = createServer(options, (request, response) => {
    asked += 1
    response.end(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody'))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

const service = (origin: string, upstreamTls?: ServiceDefinition['upstreamTls']): ServiceDefinition[] => [
  { name: 's', audience: 's', upstream: [origin], upstreamTls, routes: [{ path: '/**', require: 'nothing' }] },
]

async function front(origin: string, upstreamTls?: ServiceDefinition['upstreamTls']): Promise<TestGateway> {
  const test = await startGateway(service(origin, upstreamTls))
  stops.push(() => test.stop())
  return test
}

const here = buildSelfSigned('orders.internal')
const other = buildSelfSigned('other.internal')
const gatehouse = buildSelfSigned('gatehouse.internal')

describe('an upstream at https', () => {
  it('is believed by an authority of its own, and for its name', async () => {
    const secure = await startSecure(here)
    const test = await front(secure.origin, { ca: here.cert, serverName: 'orders.internal' })
    expect((await send(test.port, '/')).body).toBe('nobody')
  })

  const wrong: Record<string, ServiceDefinition['upstreamTls']> = {
    'that nobody vouches for': undefined,
    'that another authority vouches for': { ca: other.cert, serverName: 'orders.internal' },
    'for another name': { ca: here.cert, serverName: 'billing.internal' },
    'for no address': { ca: here.cert },
  }
  it.each(Object.entries(wrong))('with a certificate %s is 502, and is sent nothing', async (_name, tls) => {
    const secure = await startSecure(here)
    const test = await front(secure.origin, tls)
    const answer = await send(test.port, '/secret', { token: 'user' })
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([502, 'bad_gateway'])
    expect(secure.asked()).toBe(0)
  })

  it('that asks for a certificate is shown ours, and refuses who has none', async () => {
    const secure = await startSecure({ ...here, requestCert: true, ca: gatehouse.cert, rejectUnauthorized: true })
    const tls = { ca: here.cert, serverName: 'orders.internal' }
    const without = await front(secure.origin, tls)
    expect((await send(without.port, '/')).status).toBe(502)
    expect(secure.asked()).toBe(0)
    const shown = await front(secure.origin, { ...tls, cert: gatehouse.cert, key: gatehouse.key })
    expect((await send(shown.port, '/')).body).toBe('gatehouse.internal')
  })

  it('gets new connections when what proves them changes', async () => {
    const secure = await startSecure(here)
    const test = await front(secure.origin, { ca: here.cert, serverName: 'orders.internal' })
    expect((await send(test.port, '/')).status).toBe(200)
    test.gateway.replace(tableFor(service(secure.origin, { ca: other.cert, serverName: 'orders.internal' })))
    expect((await send(test.port, '/')).status).toBe(502)
  })
})

it('is refused at load where it cannot be meant', () => {
  expect(() => tableFor(service('http://s', { ca: here.cert }))).toThrow(/https or h2 alone/)
  expect(() => tableFor(service('https://s', { cert: here.cert }))).toThrow(/go together/)
})
