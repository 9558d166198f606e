import type { BoundRequest } from '@gatehouse/guard/request-binding'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { checkRequest } from './check-request.ts'
import { send } from './fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway, tableFor } from './fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'
import type { RouteDefinition } from './routes.ts'

let upstream: TestUpstream
let test: TestGateway
const asked: (BoundRequest | undefined)[] = []
const bind = { bind: 'request' } as const

beforeAll(async () => {
  upstream = await startUpstream()
  const routes: RouteDefinition[] = [
    { path: '/bound/**', require: 'optional', identity: bind },
    { path: '/free', require: 'token' },
  ]
  test = await startGateway([{ name: 's', audience: 'https://s.test', upstream: [upstream.origin], routes }], {
    dependencies: {
      issueIdentity: (_token, _service, request) => `identity-${asked.push(request)}`,
      origin: { address: () => '', scheme: () => 'http', isTrustedProxy: () => true, findStated: () => '' },
    },
    serve: (gateway) => (request, response) => {
      const question = checkRequest(request)
      if (question.ok && question.path === '/gateway/check') gateway.check(request, response, question)
      else gateway.handle(request, response, question)
    },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})
beforeEach(() => {
  asked.length = 0
  upstream.received.length = 0
})

it('an identity is bound to the method and the very target that the service gets, where the route asks for it', async () => {
  const targets = ['/bound/7?a=1&b=%2f', '/bound/caf%c3%a9', '/bound/%7Ex', '/bound/']
  for (const target of targets)
    expect((await send(test.port, target, { token: 'user', method: 'PUT' })).status).toBe(200)
  expect(asked).toEqual(upstream.received.map(({ url }) => ({ method: 'PUT', target: url })))
  expect(asked.map((request) => request?.target)).toEqual([targets[0], '/bound/caf%C3%A9', '/bound/~x', '/bound/'])
})

it('an identity is bound to nothing elsewhere, and there is none for whoever is not known', async () => {
  await send(test.port, '/free', { token: 'user' })
  await send(test.port, '/bound/7')
  expect(asked).toEqual([undefined])
})

it('an identity is bound to the request that a proxy asks about', async () => {
  const headers = { 'x-forwarded-method': 'DELETE', 'x-forwarded-host': issuerHost, 'x-forwarded-uri': '/bound/7?x' }
  expect((await send(test.port, '/gateway/check', { token: 'user', headers })).status).toBe(200)
  expect(asked).toEqual([{ method: 'DELETE', target: '/bound/7?x' }])
})

it('a route that knows nobody has no identity to bind', () => {
  const routes: RouteDefinition[] = [{ path: '/open', require: 'nothing', identity: bind }]
  const service = { name: 's', audience: 'https://s.test', upstream: ['http://s:1'], routes }
  expect(() => tableFor([service])).toThrow(
    'services.s.routes[0]: a route that asks for nothing has no identity to bind',
  )
})
