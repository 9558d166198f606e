import { describe, expect, it } from 'vitest'
import { findLeaf } from './route-trie.ts'
import { buildRouteTable, findMethod, type RouteDefinition, RouteError, type ServiceDefinition } from './routes.ts'

const service = (routes: RouteDefinition[], more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  name: 'orders',
  audience: 'https://orders.test',
  upstream: ['http://127.0.0.1:4001'],
  routes,
  ...more,
})
const build = (...services: ServiceDefinition[]) =>
  buildRouteTable({ issuerHost: 'auth.test', audience: 'https://auth.test', services })
const paths = (...patterns: string[]): RouteDefinition[] =>
  patterns.map((path) => ({ path, require: 'token' }) satisfies RouteDefinition)

function decide(table: ReturnType<typeof build>, path: string, host = 'auth.test'): string | undefined {
  const trie = table.hosts.get(host)
  return trie === undefined ? undefined : findLeaf(trie, path)?.pattern
}

describe('matching', () => {
  const table = build(
    service(
      paths(
        '/',
        '/orders/**',
        '/orders/open',
        '/orders/{id}',
        '/orders/{id}/lines',
        '/orders/open/lines/{line}',
        '/a:b',
        '/café',
      ),
    ),
    service(paths('/{tenant}/reports', '/files/**'), { name: 'other' }),
    service(paths('/**'), { name: 'shop', host: 'shop.test' }),
  )

  it.each([
    ['/', '/'],
    ['/orders', '/orders/**'],
    ['/orders/', '/orders/**'],
    ['/orders/open', '/orders/open'],
    ['/orders/open/', '/orders/**'],
    ['/orders/7', '/orders/{id}'],
    ['/orders/7/', '/orders/**'],
    ['/orders/7/lines', '/orders/{id}/lines'],
    ['/orders/open/lines/1', '/orders/open/lines/{line}'],
    // The literal branch leads nowhere, so {id} gets its turn, and after it **.
    ['/orders/open/lines', '/orders/{id}/lines'],
    ['/orders/open/lines/1/2', '/orders/**'],
    ['/orders/reports', '/orders/{id}'],
    ['/acme/reports', '/{tenant}/reports'],
    ['/Orders/open', undefined],
    ['/acme', undefined],
    ['/acme/reports/', undefined],
    ['/a:b', '/a:b'],
    ['/a%3Ab', '/a:b'],
    ['/caf%C3%A9', '/café'],
  ])('decides %s by %s', (path, pattern) => {
    expect(decide(table, path)).toBe(pattern)
  })

  it('keeps hosts apart', () => {
    expect(decide(table, '/orders', 'shop.test')).toBe('/**')
    expect(decide(table, '/anything/at/all', 'shop.test')).toBe('/**')
    expect(decide(table, '/orders', 'evil.test')).toBeUndefined()
  })

  it('finds every pattern among 500 that overlap, as a scan over all of them would', () => {
    const patterns: string[] = []
    for (let n = 0; n < 125; n += 1)
      patterns.push(`/s${n % 25}/{a}/p${n}`, `/s${n % 25}/x/{b}/q${n}`, `/t${n}/**`, `/{any}/u${n}/v`)
    const big = build(service(paths(...patterns)))
    expect(decide(big, '/s3/x/p28')).toBe('/s3/{a}/p28')
    expect(decide(big, '/s3/x/y/q28')).toBe('/s3/x/{b}/q28')
    expect(decide(big, '/s3/u7/v')).toBe('/{any}/u7/v')
    expect(decide(big, '/t9/u7/v')).toBe('/t9/**')
    const began = performance.now()
    for (let n = 0; n < 100_000; n += 1) decide(big, '/s3/u7/v')
    expect((performance.now() - began) / 100_000).toBeLessThan(0.02)
  })

  it('lets GET include HEAD, and lists what is allowed', () => {
    const methods = build(
      service([
        { path: '/a', methods: ['GET'], require: 'token' },
        { path: '/a', methods: ['POST'], require: 'signed-in' },
        { path: '/b', require: 'token' },
      ]),
    )
    const trie = methods.hosts.get('auth.test')
    const a = trie && findLeaf(trie, '/a')
    const b = trie && findLeaf(trie, '/b')
    if (a === undefined || b === undefined) throw new Error('the patterns are gone')
    expect(findMethod(a, 'HEAD')).toBe(findMethod(a, 'GET'))
    expect(findMethod(a, 'POST')).not.toBe(findMethod(a, 'GET'))
    expect(findMethod(a, 'DELETE')).toBeUndefined()
    expect(a.allow).toBe('GET, POST, HEAD')
    expect(findMethod(b, 'PROPFIND')).toBeDefined()
    for (const method of ['OPTIONS', 'TRACE', 'CONNECT']) expect(findMethod(b, method)).toBeUndefined()
  })
})

describe('refusing at load', () => {
  const refuses = (what: string, ...services: ServiceDefinition[]): RouteError => {
    try {
      build(...services)
    } catch (error) {
      if (error instanceof RouteError) return error
    }
    throw new Error(`${what} was accepted`)
  }

  it.each([
    '/login',
    '/login/x',
    '/oauth/**',
    '/oauth/{x}',
    '/.well-known/**',
    '/%6Cogin',
    '/scim/**',
    '/dev/**',
    '/docs/**',
    '/admin/api/{v}',
    '/livez',
    '/device',
  ])('refuses %s on the issuer’s host', (path) => {
    expect(refuses(path, service(paths(path))).message).toMatch(/services\.orders\.routes\[0\]: .*own paths/)
  })

  it('lets ** and {name} cover own paths, which come first, and other hosts use most of them', () => {
    expect(() => build(service(paths('/**', '/{any}')))).not.toThrow()
    expect(() => build(service(paths('/login', '/oauth/**'), { host: 'shop.test' }))).not.toThrow()
    refuses('/_gatehouse', service(paths('/_gatehouse/x'), { host: 'shop.test' }))
  })

  it.each(['orders', '/a/**/b', '/a*', '/*', '/{a}b', '/{}', '/a//b', '/a/../b', '/a;b', '/a?b', '/a%2fb', '/a#b'])(
    'refuses the pattern %s',
    (path) => {
      expect(refuses(path, service(paths(path))).faults[0]?.route).toBe(0)
    },
  )

  it('refuses what stands twice, also across services and names', () => {
    const get: RouteDefinition = { path: '/a/{x}', methods: ['GET'], require: 'token' }
    expect(
      refuses('twice', service([get]), service([{ ...get, path: '/a/{y}' }], { name: 'b' })).faults[0]?.service,
    ).toBe('b')
    refuses('any and GET', service([get, { path: '/a/{x}', require: 'token' }]))
    refuses('GET and any', service([{ path: '/a/{x}', require: 'token' }, get]))
    refuses('one name twice', service([get]), service(paths('/b')))
    expect(() => build(service([get, { ...get, methods: ['POST'] }]))).not.toThrow()
  })

  it.each([
    ['OPTIONS', { path: '/a', methods: ['OPTIONS'], require: 'token' }],
    ['lower case', { path: '/a', methods: ['get'], require: 'token' }],
    ['no method', { path: '/a', methods: [], require: 'token' }],
    ['an empty rule', { path: '/a', require: {} }],
    ['empty scopes', { path: '/a', require: { scopes: [] } }],
    ['empty roles beside scopes', { path: '/a', require: { scopes: ['a'], roles: [] } }],
    ['a scope with a quote', { path: '/a', require: { scopes: ['a"b'] } }],
    ['two scopes in one', { path: '/a', require: { scopes: ['a b'] } }],
    ['a name that stands twice', { path: '/a/{x}/{x}', require: 'token' }],
    ['no condition', { path: '/a', require: { when: [] } }],
    ['a caller alone', { path: '/a', require: { caller: 'nothing' } }],
    ['scopes of nobody', { path: '/a', require: { caller: 'nothing', scopes: ['a'] } }],
    ['an organisation of perhaps nobody', { path: '/a', require: { caller: 'optional', org: 'required' } }],
    ['a client of perhaps nobody', { path: '/a', require: { caller: 'optional', clients: ['a'] } }],
    ['an empty client', { path: '/a', require: { clients: [''] } }],
    ['an address that is none', { path: '/a', require: { addresses: ['10.0.0.0/33'] } }],
    ['an observed rule that is empty', { path: '/a', require: 'token', observe: {} }],
    ['an address with a name', { path: '/a', require: { addresses: ['localhost'] } }],
  ] satisfies [string, RouteDefinition][])('refuses %s', (what, route) => {
    expect(refuses(what, service([route])).message).toContain('services.orders.routes[0]')
  })

  it('refuses a route without a rule, which only a configuration that nobody checked can hold', () => {
    const withoutRule = [{ path: '/a' }] as unknown as RouteDefinition[]
    expect(refuses('no rule', service(withoutRule)).message).toContain('needs a rule')
  })

  it.each([
    ['no route', service([])],
    ['no upstream', service(paths('/a'), { upstream: [] })],
    ['an upstream with a path', service(paths('/a'), { upstream: ['http://a/b'] })],
    ['an upstream with userinfo', service(paths('/a'), { upstream: ['http://u:p@a'] })],
    ['an upstream that is no URL', service(paths('/a'), { upstream: ['orders:4001'] })],
    ['a host that is none', service(paths('/a'), { host: 'a/b' })],
    ['a timeout of zero', service(paths('/a'), { timeouts: { connect: 0 } })],
    ['a negative limit', service(paths('/a'), { limits: { body: -1 } })],
  ])('refuses a service with %s', (what, definition) => {
    expect(refuses(what, definition).faults).toMatchObject([{ service: 'orders', route: undefined }])
  })

  it('tells all that is wrong with services and routes at once', () => {
    const orders = service(
      [
        { path: '/oauth/x', methods: ['get', 'OPTIONS'], require: { scopes: [] } },
        { path: '/a', require: 'token' },
        { path: '/a*', require: 'token' },
      ],
      { upstream: ['orders:4001', 'http://a/b'], timeouts: { connect: 0 } },
    )
    const { faults } = refuses(
      'everything',
      orders,
      service(paths('/b', '/a'), { name: 'b' }),
      service(paths('/c'), { name: 'c', host: 'a/b' }),
    )
    expect(faults.map(({ service, route }) => [service, route])).toEqual([
      ...Array.from({ length: 3 }, () => ['orders', undefined]),
      ...Array.from({ length: 4 }, () => ['orders', 0]),
      ['orders', 2],
      ['b', 1],
      ['c', undefined],
    ])
  })

  it('accepts the top-level audience and the service’s own', () => {
    expect(build(service(paths('/a'))).services[0]?.audiences).toEqual(['https://auth.test', 'https://orders.test'])
    const same = service(paths('/a'), { audience: 'https://auth.test' })
    expect(build(same).services[0]?.audiences).toEqual(['https://auth.test'])
  })
})
