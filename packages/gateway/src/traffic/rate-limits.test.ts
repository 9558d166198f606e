import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkRequest } from '../check-request.ts'
import { send } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import { peerAddress, requestScheme } from '../visit.ts'
import type { RateDefinition } from './rate-limit.ts'

let upstream: TestUpstream
let test: TestGateway

const servicesWith = (ofRoute: readonly RateDefinition[], ofService: readonly RateDefinition[] = []) => [
  {
    name: 'orders',
    audience: 'https://orders.test',
    upstream: [upstream.origin],
    limits: { rate: ofService },
    routes: [
      { path: '/open', require: 'nothing' as const, limits: { rate: ofRoute } },
      { path: '/orders', require: { scopes: ['orders:read'] }, limits: { rate: ofRoute } },
      { path: '/other', require: 'nothing' as const },
    ],
  },
]

const start = async (ofRoute: readonly RateDefinition[], ofService: readonly RateDefinition[] = []): Promise<void> => {
  const say = (request: Parameters<typeof peerAddress>[0]): string =>
    String(request.headers['x-test-address'] ?? peerAddress(request))
  test = await startGateway(servicesWith(ofRoute, ofService), {
    dependencies: {
      origin: { address: say, scheme: requestScheme, isTrustedProxy: () => true, findStated: say },
    },
    serve: (gateway) => (request, response) => {
      const checked = checkRequest(request)
      if (checked.ok && checked.path === '/gateway/check') gateway.check(request, response, checked)
      else gateway.handle(request, response, checked)
    },
  })
}

beforeEach(async () => {
  upstream = await startUpstream((_request, response) => {
    response.setHeader('ratelimit', '"theirs";r=9;t=9')
    response.end('ok')
  })
})
afterEach(() => Promise.all([test.stop(), upstream.stop()]))

const statuses = async (times: number, path: string, options: Parameters<typeof send>[2] = {}): Promise<number[]> => {
  const all: number[] = []
  for (let count = 0; count < times; count += 1) all.push((await send(test.port, path, options)).status)
  return all
}

describe('a rate limit', () => {
  it('lets a burst through, refuses what comes beyond it, and says when to come back', async () => {
    await start([{ per: 'address', requests: 60, window: 60, burst: 2 }])
    const first = await send(test.port, '/open')
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"route-address";q=60;w=60',
      ratelimit: '"route-address";r=1;t=1',
    })
    expect(await statuses(1, '/open')).toEqual([200])
    const refused = await send(test.port, '/open')
    expect(refused.status).toBe(429)
    expect(refused.headers).toMatchObject({ 'retry-after': '1', ratelimit: '"route-address";r=0;t=2' })
    expect(JSON.parse(refused.body)).toMatchObject({ error: 'too_many_requests', decision_id: expect.any(String) })
    expect(test.log[0]).toMatchObject({ rule: 'limits.rate', needed: expect.stringContaining('at most 60 requests') })
    expect(upstream.received).toHaveLength(2)
    test.clock.advance(1)
    expect(await statuses(2, '/open')).toEqual([200, 429])
  })

  it('counts an address before any credentials are looked at', async () => {
    await start([{ per: 'address', requests: 1, window: 60 }])
    expect(await statuses(2, '/orders', { token: 'refuse-bad_signature' })).toEqual([401, 429])
  })

  it('counts an IPv6 network as one address, and every other one for itself', async () => {
    await start([{ per: 'address', requests: 1, window: 60 }])
    const from = (address: string) => statuses(1, '/open', { headers: { 'x-test-address': address } })
    expect(await from('2001:db8::1')).toEqual([200])
    expect(await from('2001:db8::2')).toEqual([429])
    expect(await from('2001:db8:0:0:9::')).toEqual([429])
    expect(await from('2001:db8:0:1::1')).toEqual([200])
    expect(await from('192.0.2.1')).toEqual([200])
    expect(await from('192.0.2.2')).toEqual([200])
  })

  it('counts who calls, whatever token it is and wherever it comes from, also what the rule refuses', async () => {
    await start([{ per: 'principal', requests: 2, window: 60 }])
    expect(await statuses(1, '/orders', { token: 'reader' })).toEqual([200])
    expect(await statuses(1, '/orders', { token: 'writer', headers: { 'x-test-address': '192.0.2.9' } })).toEqual([403])
    expect(await statuses(1, '/orders', { token: 'reader' })).toEqual([429])
    expect(await statuses(1, '/orders', { token: 'machine' })).toEqual([200])
  })

  it('counts by address who is not known, so that nobody gets past a limit by saying nothing', async () => {
    await start([{ per: 'client', requests: 1, window: 60 }])
    expect(await statuses(2, '/open')).toEqual([200, 429])
    expect(await statuses(1, '/open', { headers: { 'x-test-address': '192.0.2.9' } })).toEqual([200])
  })

  it('counts for everybody only what the rule lets through', async () => {
    await start([{ per: 'route', requests: 1, window: 60 }])
    expect(await statuses(3, '/orders')).toEqual([401, 401, 401])
    expect(await statuses(2, '/orders', { token: 'reader' })).toEqual([200, 429])
    expect(await statuses(1, '/orders', { token: 'machine' })).toEqual([429])
  })

  it('of a service counts all of its routes together', async () => {
    await start([], [{ per: 'address', requests: 2, window: 60 }])
    expect(await statuses(2, '/open')).toEqual([200, 200])
    expect(await statuses(1, '/other')).toEqual([429])
  })

  it('takes nothing where another one refuses', async () => {
    await start([{ per: 'address', requests: 1, window: 1 }], [{ per: 'address', requests: 3, window: 3600 }])
    expect(await statuses(4, '/open')).toEqual([200, 429, 429, 429])
    test.clock.advance(1)
    expect(await statuses(1, '/open')).toEqual([200])
    expect((await send(test.port, '/other')).headers.ratelimit).toMatch(/^"address";r=0;/)
  })

  it('holds for a proxy that asks', async () => {
    await start([{ per: 'address', requests: 1, window: 60 }])
    const headers = { 'x-forwarded-method': 'GET', 'x-forwarded-host': 'auth.test', 'x-forwarded-uri': '/open' }
    expect(await statuses(2, '/gateway/check', { headers })).toEqual([200, 429])
    const forNginx = await send(test.port, '/gateway/check?for=nginx', { headers })
    expect([forNginx.status, forNginx.headers['x-gatehouse-status']]).toEqual([403, '429'])
  })

  it('goes on counting through a reload that leaves it as it was, and not where it has changed', async () => {
    await start([{ per: 'address', requests: 1, window: 60 }])
    expect(await statuses(1, '/open')).toEqual([200])
    test.gateway.replace(tableFor(servicesWith([{ per: 'address', requests: 1, window: 60 }])))
    expect(await statuses(1, '/open')).toEqual([429])
    test.gateway.replace(tableFor(servicesWith([{ per: 'address', requests: 2, window: 60 }])))
    expect(await statuses(1, '/open')).toEqual([200])
  })

  it('leaves routes without one as they are', async () => {
    await start([{ per: 'address', requests: 1, window: 60 }])
    expect((await send(test.port, '/other')).headers).toMatchObject({ ratelimit: '"theirs";r=9;t=9' })
  })

  it('is refused at load where it cannot be meant', () => {
    test = { ...test, stop: async () => undefined }
    expect(() => tableFor(servicesWith([{ per: 'address', requests: 0, window: 1 }]))).toThrow(/whole numbers from 1/)
    expect(() => tableFor(servicesWith([], [{ per: 'address', requests: 1, window: 90_000 }]))).toThrow(/1s to 1d/)
    const twice = { per: 'address', requests: 5, window: 60 } as const
    expect(() => tableFor(servicesWith([twice, twice]))).toThrow(/routes\[0\].*stands twice/)
  })
})
