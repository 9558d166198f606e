import { buildRouteTable } from '@gatehouse/gateway/routes'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { buildRoutes, formatRoutes } from './build-routes.ts'
import { findDrift } from './find-drift.ts'
import { OpenApiError, parseOpenApi } from './read-document.ts'

/** As teams write them: two versions of one scheme, references, a default and its exceptions. */
const orders = `openapi: 3.1.0
info: { title: Orders, version: 1.4.0 }
servers:
  - url: https://{region}.api.example.com/v1
    variables: { region: { default: eu, enum: [eu, us] } }
security:
  - oauth: [orders:read]
paths:
  /orders:
    get: { operationId: listOrders, responses: { 200: { description: All } } }
    head: { responses: { 200: { description: Whether there are any } } }
    post:
      security: [{ oauth: [orders:read, orders:write] }]
      responses: { 201: { description: Made } }
    options: { security: [], responses: { 204: { description: CORS } } }
  /orders/{order-id}:
    $ref: '#/components/pathItems/one~1order'
  /orders/{order-id}/lines/{line}:
    get: { responses: { 200: { description: A line } } }
  /orders/export.{format}:
    get: { responses: { 200: { description: A file } } }
  /me:
    get: { security: [{ openid: [] }], responses: { 200: { description: Who calls } } }
  /prices:
    get: { security: [{}, { oauth: [] }], responses: { 200: { description: Better ones for customers } } }
  /status:
    get: { security: [], responses: { 200: { description: Fine } } }
  /reports:
    get:
      security: [{ oauth: [reports:read] }, { oauth: [admin] }]
      responses: { 200: { description: Reports } }
    put:
      security: [{ oauth: [admin, orders:write] }, { token: [], oauth: [admin] }]
      responses: { 200: { description: Reports } }
  /hooks:
    post: { security: [{ key: [] }], responses: { 204: { description: Thanks } } }
  x-internal: { get: {} }
components:
  pathItems:
    one/order:
      get: { responses: { 200: { description: One } } }
      delete: { security: [{ oauth: [orders:write] }], responses: { 204: { description: Gone } } }
  securitySchemes:
    oauth:
      type: oauth2
      flows: { clientCredentials: { tokenUrl: https://auth.example.com/oauth/token, scopes: { orders:read: Read } } }
    openid: { $ref: '#/components/securitySchemes/oidc' }
    oidc: { type: openIdConnect, openIdConnectUrl: https://auth.example.com/.well-known/openid-configuration }
    token: { type: http, scheme: Bearer }
    key: { type: apiKey, in: header, name: x-key }
`
const silent = orders.replace(/^security:\n.*\n/m, '')
const read = { scopes: ['orders:read'] }

describe('importing a document', () => {
  it('makes routes of paths, methods and scopes', () => {
    const { routes, left } = buildRoutes(parseOpenApi(orders))
    expect(routes).toEqual([
      { path: '/v1/orders', methods: ['GET'], require: read },
      { path: '/v1/orders', methods: ['POST'], require: { scopes: ['orders:read', 'orders:write'] } },
      { path: '/v1/orders/{order_id}', methods: ['GET'], require: read },
      { path: '/v1/orders/{order_id}', methods: ['DELETE'], require: { scopes: ['orders:write'] } },
      { path: '/v1/orders/{order_id}/lines/{line}', methods: ['GET'], require: read },
      { path: '/v1/me', methods: ['GET'], require: 'token' },
      { path: '/v1/prices', methods: ['GET'], require: 'optional' },
      { path: '/v1/status', methods: ['GET'], require: 'nothing' },
      { path: '/v1/reports', methods: ['PUT'], require: { scopes: ['admin'] } },
    ])
    expect(left.map(({ operation }) => operation)).toEqual([
      'GET /orders/export.{format}',
      'GET /reports',
      'POST /hooks',
    ])
    expect(left.map(({ why }) => why)).toEqual([
      expect.stringContaining('"export.{format}" is neither a literal nor {name}'),
      'its alternatives are no single rule (reports:read, or admin): write it by hand',
      'its security key (apiKey) is not one that the gateway checks: write the rule by hand',
    ])
  })

  it('takes silence for a no, unless somebody says what it means', () => {
    const left = buildRoutes(parseOpenApi(silent)).left.map(({ operation }) => operation)
    expect(left).toContain('GET /orders')
    expect(left).toContain('GET /orders/{order-id}')
    const { routes } = buildRoutes(parseOpenApi(silent), 'signed-in')
    expect(routes[0]).toEqual({ path: '/v1/orders', methods: ['GET'], require: 'signed-in' })
  })

  it('never makes less of an alternative than it asks for', () => {
    const ruleFor = (security: string) => {
      const document = parseOpenApi(orders.replace('security: [{ openid: [] }]', `security: ${security}`))
      return buildRoutes(document).routes.find(({ path }) => path === '/v1/me')?.require
    }
    expect(ruleFor('[{ oauth: [a], openid: [b] }]')).toEqual({ scopes: ['a', 'b'] })
    expect(ruleFor('[{ oauth: [a] }, { oauth: [a, b] }]')).toEqual({ scopes: ['a'] })
    expect(ruleFor('[{ oauth: [a] }, { oauth: [] }]')).toBe('token')
    for (const odd of [
      '[{}, { oauth: [a] }]',
      '[{ oauth: [a] }, { key: [] }]',
      '[{ oauth: [a], key: [] }]',
      '[{ missing: [a] }]',
      '[{ constructor: [] }]',
      '[{ token: [clerk] }]',
      '[{ oauth: ["a b"] }]',
      '[{ oauth: a }]',
      '{ oauth: [a] }',
      'null',
    ])
      expect(ruleFor(odd), odd).toBeUndefined()
  })

  it('prints lines that configuration takes', () => {
    const imported = buildRoutes(parseOpenApi(orders))
    const text = formatRoutes('orders', imported)
    expect(parse(text)).toEqual({ services: { orders: { routes: imported.routes } } })
    expect(text).toContain('      - { path: /v1/orders, methods: [ GET ], require: { scopes: [ orders:read ] } }\n')
    expect(text).toContain('# no route for POST /hooks: ')
  })

  it('gives two paths that are one to the gateway one rule', () => {
    const twice = orders.replace('  /me:', '  /orders/{id}:\n    get: { security: [] }\n  /me:')
    const { left } = buildRoutes(parseOpenApi(twice))
    expect(left.map(({ why }) => why)).toContain('it is the same path to the gateway as GET /orders/{order-id}')
  })
})

describe('a document', () => {
  it.each([
    ['swagger: "2.0"\npaths: {}\n', 'Swagger 2.0 is not read: convert it to OpenAPI 3'],
    ['title: x\n', 'no OpenAPI document of version 3'],
    ['openapi: 3.0.3\npaths: {}\n', 'has no operation'],
    ['openapi: 3.0.3\npaths: {\n', 'neither YAML nor JSON'],
    ['openapi: 3.0.3\npaths: { /a: { $ref: "other.yaml#/a" } }\n', 'in another document: bundle them into one'],
    ['openapi: 3.0.3\npaths: { /a: { $ref: "#/x" } }\n', '#/x, which is not there'],
    ['openapi: 3.0.3\npaths: { /a: { $ref: "#/paths/~1a" } }\n', 'in a circle'],
    [
      'openapi: 3.0.3\nservers: [{ url: /a }, { url: /b }]\npaths: { /a: { get: {} } }\n',
      'choose one with --base-path',
    ],
    ['openapi: 3.0.3\nservers: [{ url: "/{v}" }]\npaths: { /a: { get: {} } }\n', 'is no base path'],
  ])('is refused: %j', (text, message) => {
    expect(() => parseOpenApi(text)).toThrow(OpenApiError)
    expect(() => parseOpenApi(text)).toThrow(message)
  })

  it('may be JSON, and is told its base path where that is another', () => {
    const json = JSON.stringify(parse(orders))
    expect(parseOpenApi(json)).toEqual(parseOpenApi(orders))
    expect(parseOpenApi(json, '/orders-api/').basePath).toBe('/orders-api')
  })
})

describe('comparing a document with the routes', () => {
  const imported = buildRoutes(parseOpenApi(orders)).routes
  const drift = (routes: readonly object[], text = orders, service: 'orders' | 'any' = 'orders') => {
    const definition = {
      name: 'orders',
      audience: 'https://a/orders',
      upstream: ['http://o:1'],
      routes: routes as never,
    }
    const other = {
      ...definition,
      name: 'other',
      audience: 'b',
      routes: [{ path: '/v1/me/**', require: 'token' as const }],
    }
    const table = buildRouteTable({ issuerHost: 'a', audience: 'https://a', services: [definition, other] })
    const found = findDrift({
      document: parseOpenApi(text),
      table,
      host: 'a',
      service: service === 'any' ? undefined : service,
    })
    return found.map(({ operation, message }) => `${operation}: ${message}`)
  }

  it('finds only what has no route where all was imported', () => {
    const refused = 'no route guards it, and the gateway refuses it'
    expect(drift(imported)).toEqual([
      `GET /reports: ${refused}: /v1/reports decides and does not list GET`,
      `POST /hooks: ${refused}: no route matches the path`,
    ])
  })

  it.each([
    [
      'GET /orders',
      { scopes: ['orders:list'] },
      /the document asks for orders:read, .* and the route asks for orders:list/,
    ],
    [
      'GET /orders',
      'token',
      /the document asks for orders:read, which the route does not \(route orders \/v1\/orders\)/,
    ],
    ['GET /orders', 'nothing', /the document asks for a token, the route lets anybody pass \(/],
    ['GET /orders', 'optional', /the route lets anybody pass who has none/],
    ['GET /status', 'token', /the document asks for nothing, the route for a token/],
    ['GET /prices', 'token', /the document has a token optional, the route does not/],
  ])('finds that %s asks for something else: %j', (operation, require, message) => {
    const [method, path] = operation.split(' ')
    const changed = imported.map((route) =>
      route.path === `/v1${path}` && route.methods.includes(method ?? '') ? { ...route, require } : route,
    )
    expect(drift(changed).filter((line) => line.startsWith(operation))[0]).toMatch(message)
  })

  it('finds an operation that another service is asked for', () => {
    const without = imported.filter(({ path }) => path !== '/v1/me')
    expect(drift(without)).toContain('GET /me: the route other /v1/me/** decides it, of another service')
    expect(drift(without, orders, 'any')).not.toContainEqual(expect.stringMatching(/^GET \/me/))
  })

  it('takes any of the alternatives, and no less', () => {
    const withReports = (scopes: readonly string[]) => [
      ...imported,
      { path: '/v1/reports', methods: ['GET'], require: { scopes } },
    ]
    expect(drift(withReports(['admin'])).join()).not.toContain('GET /reports')
    expect(drift(withReports(['reports:read'])).join()).not.toContain('GET /reports')
    expect(drift(withReports(['other'])).join()).toContain('GET /reports: the route asks for the scopes other')
  })

  it('does not take silence for a yes', () => {
    expect(drift([{ path: '/v1/**', require: 'nothing' }], silent)[0]).toBe(
      'GET /orders: the document says nothing about its security (route orders /v1/**)',
    )
  })

  it('leaves the rest of a rule to who wrote it', () => {
    const stricter = imported.map((route) =>
      typeof route.require === 'object' ? { ...route, require: { ...route.require, roles: ['clerk'] } } : route,
    )
    expect(drift(stricter)).toEqual(drift(imported))
  })
})
