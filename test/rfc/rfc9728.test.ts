import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createResourceMetadata } from '@gatehouse/auth/protocol/protected-resource'
import { createGateway, type Gateway } from '@gatehouse/gateway/gateway'
import { buildRouteTable } from '@gatehouse/gateway/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issuer, orders, type Provider, startProvider } from './provider.ts'

// Metadata of the services behind the gateway, as a client finds and follows them. The whole program is asked for them in
// packages/gatehouse/src/sender-constraint.test.ts.

const metadataPath = '/.well-known/oauth-protected-resource/orders'
let provider: Provider
let gateway: Gateway
let upstream: Server
let door: Server

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  provider = await startProvider()
  upstream = createServer((_, response) => response.end('{}'))
  const service = (name: string, port: number) => ({
    name,
    audience: `${issuer}/${name}`,
    upstream: [`http://127.0.0.1:${port}`],
    routes: [{ path: `/${name}/**`, require: { scopes: ['orders:read'] } }],
  })
  const port = await listen(upstream)
  const table = buildRouteTable({
    issuerHost: new URL(issuer).host,
    audience: issuer,
    services: [service('orders', port), service('other', port)],
  })
  gateway = createGateway(table, {
    clock: provider.clock,
    verify: (token, audiences) => provider.auth.verifier.verify(token, audiences),
    issueIdentity: (token, target) => provider.auth.accessTokens.issueIdentity(token, target),
    log: () => {},
  })
  const resources = [{ resource: orders, name: 'orders', scopes: ['orders:read'] }]
  const metadata = createResourceMetadata({ issuer, resources: () => resources, certificateBound: false })
  door = createServer((incoming, response) => {
    const [path = '', query = ''] = (incoming.url ?? '').split('?', 2)
    if (!metadata.answer(incoming, response, { host: incoming.headers.host ?? '', path, query }))
      gateway.handle(incoming, response)
  })
  await listen(door)
})
afterAll(async () => {
  for (const server of [upstream, door]) server.close().closeAllConnections()
  await gateway.close()
  await provider.close()
})

const get = (path: string, token?: string): Promise<{ status: number; challenge: string; text: string }> =>
  new Promise((resolve, reject) => {
    const headers = { host: new URL(issuer).host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    const sent = request({ port: (door.address() as AddressInfo).port, path, headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          challenge: response.headers['www-authenticate'] ?? '',
          text,
        }),
      )
    })
    sent.on('error', reject).end()
  })
const metadataIn = (challenge: string): string => /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? ''

describe('section 5, from a refusal to a token', () => {
  it('5.1 every challenge says where the metadata are, also that for a bad token', async () => {
    for (const token of [undefined, 'x.y.z']) {
      const { status, challenge } = await get('/orders/1', token)
      expect(status).toBe(401)
      expect(metadataIn(challenge)).toBe(`${issuer}${metadataPath}`)
    }
  })

  it('5 a client that follows it gets a token that is good there, and nowhere else', async () => {
    const { challenge } = await get('/orders/1')
    const { text } = await get(new URL(metadataIn(challenge)).pathname)
    const { resource, authorization_servers, scopes_supported } = JSON.parse(text) as {
      resource: string
      authorization_servers: string[]
      scopes_supported: string[]
    }
    expect(authorization_servers).toEqual([(await provider.metadata()).issuer])
    const form = { grant_type: 'client_credentials', resource, scope: scopes_supported.join(' ') }
    const { access_token } = (await provider.token(form)).body
    expect((await get('/orders/1', access_token)).status).toBe(200)
    expect((await get('/other/1', access_token)).status).toBe(401)
  })
})

describe('section 3, the document', () => {
  it('3.1 the well-known path stands before the resource’s own, and nothing answers beside it', async () => {
    expect((await get(metadataPath)).status).toBe(200)
    for (const path of [`${metadataPath}/`, `${metadataPath}?x=1`, '/orders/.well-known/oauth-protected-resource'])
      expect((await get(path)).status, path).not.toBe(200)
  })

  it('3.3 the resource in it is the identifier that was asked for, letter for letter', async () => {
    expect((JSON.parse((await get(metadataPath)).text) as { resource: string }).resource).toBe(orders)
  })

  it('2 tokens are taken in the header alone', async () => {
    const { text } = await get(metadataPath)
    expect(JSON.parse(text)).toMatchObject({ bearer_methods_supported: ['header'] })
    const { access_token } = (await provider.token({ grant_type: 'client_credentials', resource: orders })).body
    expect((await get(`/orders/1?access_token=${access_token}`)).status).toBe(400)
  })
})
