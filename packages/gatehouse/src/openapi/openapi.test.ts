import { METHODS } from 'node:http'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { rehearse } from '@gatehouse/gateway/rehearse'
import { buildRouteTable } from '@gatehouse/gateway/routes'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type RuleEntry, resolveRule } from '../configuration/resolve-rule.ts'
import { loadRuleCompiler } from '../configuration/rule-compiler.ts'
import { buildRoutes, formatRoutes, type ImportedRoute } from './build-routes.ts'
import { findDrift } from './find-drift.ts'
import { findUndocumented } from './find-undocumented.ts'
import { covers, overlap, parseTemplate } from './path-template.ts'
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
    // GET /orders/export.{format} asks for what GET /orders/{order-id} does, which decides it.
    expect(left.map(({ operation }) => operation)).toEqual(['GET /reports', 'POST /hooks'])
    expect(left.map(({ why }) => why)).toEqual([
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

  it('gives two paths that are one to the gateway one rule, or none', () => {
    const twice = (security: string) =>
      buildRoutes(parseOpenApi(orders.replace('  /me:', `  /orders/{id}:\n    get: { ${security} }\n  /me:`)))
    const same = twice('')
    expect(same.routes.filter(({ path }) => path.startsWith('/v1/orders/{'))).toHaveLength(3)
    expect(same.left.map(({ operation }) => operation)).not.toContain('GET /orders/{id}')
    const { routes, left } = twice('security: []')
    expect(left.map(({ operation, why }) => [operation, why])).toEqual(
      expect.arrayContaining([
        ['GET /orders/{order-id}', expect.stringContaining('the same path to the gateway as GET /orders/{id}')],
        ['GET /orders/{id}', expect.stringContaining('the same path to the gateway as GET /orders/{order-id}')],
      ]),
    )
    expect(routes.filter(({ path, methods }) => path.startsWith('/v1/orders/{id') && methods.includes('GET'))).toEqual(
      [],
    )
  })
})

/** Says what the gateway would answer by the routes that were imported, as configuration reads them. */
function serve(routes: readonly ImportedRoute[]) {
  const definitions = routes.map(({ require, ...route }) => ({
    ...route,
    require: resolveRule(require as RuleEntry, route.path, (_, why) => expect.fail(why)),
  }))
  const service = { name: 's', host: 's', audience: 'a', upstream: ['http://o:1'], routes: definitions }
  const table = buildRouteTable({ issuerHost: 'a', audience: 'a', services: [service] })
  const token = { claims: { sub: 'usr_1', client_id: 'web', scope: 'read' }, roles: new Set(), memo: {} }
  return {
    table,
    /** With the scope `read`, or for nobody. */
    ask(asked: string, isAnybody = true) {
      const [method = '', target = ''] = asked.split(' ')
      const caller = isAnybody ? ({ ...token, scopes: new Set(['read']) } as unknown as VerifiedToken) : undefined
      const { denial } = rehearse(table, { method, target, host: 's', token: caller, address: undefined, now: 0 })
      return denial?.code ?? 'let through'
    },
  }
}

/** A document of paths alone: `read` is what a rule says, `key` what none does. */
const documentOf = (paths: string): string => `openapi: 3.1.0
security: [{ oauth: [read] }]
paths:
${paths.replace(/^ {4}/gm, '').trimEnd()}
components:
  securitySchemes: { oauth: { type: oauth2, flows: {} }, key: { type: apiKey, in: header, name: x-key } }
`

describe('what was left out', () => {
  beforeAll(loadRuleCompiler)

  const items = documentOf(`
      /items/{id}:
        get: {}
        head: { security: [{ key: [] }] }
        delete: { security: [] }
        post: {}
      /items/export:
        get: { security: [{ key: [] }] }
        delete: { security: [{ oauth: [write] }, { oauth: [admin] }] }
      /items/{id}.json:
        get: { security: [{ oauth: [admin] }] }
      /items/{id}.csv:
        get: {}
      /items/{id}:cancel:
        post: { security: [{ oauth: [admin] }] }
      /{kind}/latest:
        get: { security: [{ key: [] }] }
      /items/known:
        get: {}
      /{kind}/known:
        get: { security: [{ key: [] }] }
      /Odd/{id}/:
        get: { security: [{ key: [] }] }
      /odd/{id}:
        get: {}
      /ODD/secret:
        get: { security: [{ key: [] }] }
  `)

  it('is let through by no other route', () => {
    const { routes, left } = buildRoutes(parseOpenApi(items))
    const { ask } = serve(routes)
    for (const closed of [
      'GET /items/export',
      'GET /items/EXPORT',
      'GET /items/export/',
      'GET /items/%65xport',
      'HEAD /items/7',
      'DELETE /items/export',
      'GET /items/7.json',
      'GET /items/7.JSON',
      'GET /items/7%2ejson',
      'POST /items/7:cancel',
      'POST /items/7%3acancel',
      'POST /items/7:Cancel',
      'GET /items/latest',
      'GET /items/Latest',
      'GET /odd/secret',
      'GET /Odd/secret',
    ]) {
      expect([closed, ask(closed)]).not.toEqual([closed, 'let through'])
      expect([closed, ask(closed, false)]).not.toEqual([closed, 'let through'])
    }
    for (const open of ['GET /items/7', 'POST /items/7', 'GET /items/7.csv', 'GET /items/known', 'GET /odd/7'])
      expect([open, ask(open)]).toEqual([open, 'let through'])
    expect(ask('DELETE /items/7', false)).toBe('let through')
    expect(left.find(({ operation }) => operation === 'GET /items/export')?.kept).toEqual(['GET /items/{id}'])
    expect(left.map(({ operation }) => operation)).not.toContain('GET /items/{id}.csv')
  })

  it('is refused in the words of the configuration, and said so', () => {
    const imported = buildRoutes(parseOpenApi(items))
    expect(imported.routes).toContainEqual({
      ...{ path: '/items/export', methods: ['GET', 'DELETE'] },
      require: { caller: 'nothing', when: 'false' },
    })
    const text = formatRoutes('items', imported)
    expect(text).toContain('{ path: "/items/{id}", methods: [ HEAD ], require: { caller: nothing, when: "false" } }')
    expect(text).toContain(`when: '!(path.id.lowerAscii().endsWith(":cancel"))'`)
    expect(text).toContain('# GET /items/export is refused, which GET /items/{id} would let through: its security key')
  })

  it('takes with it what is the same path to the gateway', () => {
    const twins = documentOf(`
      /a/{x}{y}:
        get: { security: [{ key: [] }] }
      /a/{id}:
        get: {}
      /{b}/{c}:
        get: {}
      /list?all=1:
        get: { security: [{ oauth: [admin] }] }
      /list:
        get: {}
    `)
    const { routes, left } = buildRoutes(parseOpenApi(twins))
    const { ask } = serve(routes)
    expect(['GET /a/7', 'GET /list', 'GET /b/7'].map((asked) => ask(asked))).toEqual([
      ...['forbidden', 'not_found', 'let through'],
    ])
    expect(left.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['GET /a/{id}', 'GET /list', 'GET /a/{x}{y}', 'GET /list?all=1']),
    )
  })

  it('is let through by no other route, whatever the document', () => {
    const segment = fc.constantFrom('a', 'b', 'A', '{n}', '{n}', '{n}.json', 'a{n}', '{n}:run', '{n}-{n}')
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => {
      let count = 0
      return `/${segments.join('/')}`.replace(/\{n\}/g, () => `{n${count++}}`)
    })
    const security = fc.constantFrom('[{ oauth: [read] }]', '[{ key: [] }]', '[]', '[{ oauth: [admin] }]')
    const operation = fc.record({ method: fc.constantFrom('get', 'head', 'post'), security })
    const documents = fc.dictionary(
      path,
      fc.uniqueArray(operation, { selector: ({ method }) => method, minLength: 1 }),
      {
        minKeys: 1,
        maxKeys: 6,
      },
    )
    const filled = (template: string): readonly string[] =>
      ['a', 'B', '7', 'a.json', '7:Run', '7-7'].map((value) => template.replace(/\{[^}]*\}/g, value))
    fc.assert(
      fc.property(documents, (paths) => {
        const lines = Object.entries(paths).map(([name, operations]) => {
          const members = operations.map(({ method, security: asked }) => `${method}: { security: ${asked} }`)
          return `      ${JSON.stringify(name)}: { ${members.join(', ')} }`
        })
        const imported = buildRoutes(parseOpenApi(documentOf(lines.join('\n'))))
        const left = new Set(imported.left.map(({ operation: name }) => name))
        const { ask } = serve([
          ...imported.routes,
          { path: '/there/is/one/at/least', methods: ['GET'], require: 'token' },
        ])
        const readable = Object.keys(paths)
          .flatMap((name) => (paths[name] ?? []).map(({ method }) => [method.toUpperCase(), name] as const))
          .filter(([method, name]) => !left.has(`${method} ${name}`))
        for (const name of left) {
          const [method = '', template = ''] = name.split(' ')
          for (const target of filled(template)) {
            if (ask(`${method} ${target}`) !== 'let through' && ask(`${method} ${target}`, false) !== 'let through')
              continue
            // Then a path of the document says so that is for fewer requests.
            const narrower = readable.filter(
              ([other, written]) =>
                (other === method || (method === 'HEAD' && other === 'GET')) &&
                covers(parseTemplate(template), parseTemplate(written)) &&
                !covers(parseTemplate(written), parseTemplate(template)) &&
                overlap(parseTemplate(written), parseTemplate(target)),
            )
            expect(narrower, `${method} ${target} of ${name}`).not.toEqual([])
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('is named where routes let it through that are there already', () => {
    const { table } = serve([
      { path: '/items/{id}', methods: ['GET'], require: { scopes: ['read'] } },
      { path: '/items/{id}', methods: ['DELETE'], require: 'nothing' },
    ])
    const drift = (text: string, with_ = table) =>
      findDrift({ document: parseOpenApi(text), table: with_, host: 's', service: 's' })
        .filter(({ operation }) => operation.includes('export'))
        .map(({ message }) => message)
    expect(drift(items)).toEqual([
      'its security key (apiKey) is not one that the gateway checks: write the rule by hand, and `GET /items/{id}` lets it through',
      'the document asks for a token, the route lets anybody pass, and `DELETE /items/{id}` lets it through',
    ])
    const imported = serve(buildRoutes(parseOpenApi(items)).routes)
    expect(drift(items, imported.table)[0]).toBe('nobody is let through to it (route s /items/export)')
    const json = findDrift({ document: parseOpenApi(items), table: imported.table, host: 's', service: 's' })
    expect(json.find(({ operation }) => operation === 'GET /items/{id}.json')?.message).toContain(
      'nobody is let through to it, since this is false: !(path.id',
    )
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

  const oauth = 'components: { securitySchemes: { oauth: { type: oauth2, flows: {} } } }'

  it('may have merge keys, whose security counts, and refuses what cannot be merged', () => {
    const merging = (merged: string) => `openapi: 3.0.3
security: [{ oauth: [read] }]
x-strict: &strict { security: [{ oauth: [admin] }] }
x-open: &open { security: [] }
paths:
  /a: { get: { ${merged} } }
${oauth}
`
    const rule = (merged: string) => parseOpenApi(merging(merged)).operations[0]?.security
    const admin = { kind: 'token', scopes: ['admin'] }
    expect(rule('<<: *strict')).toEqual(admin)
    expect(rule('<<: [*strict, *open]')).toEqual(admin)
    expect(rule('security: [{ oauth: [admin] }], <<: *open')).toEqual(admin)
    expect(() => rule('<<: 5')).toThrow(OpenApiError)
    expect(() => rule('<<: 5')).toThrow('an alias or a merge key (<<) of it cannot be read')
  })

  it('may refer from an operation, though it should not, to what then counts', () => {
    const text = (reference: string) => `openapi: 3.0.3
security: [{ oauth: [read] }]
paths: { /a: { get: { $ref: '${reference}' } } }
x-strict: { security: [{ oauth: [admin] }] }
${oauth}
`
    expect(parseOpenApi(text('#/x-strict')).operations[0]?.security).toEqual({ kind: 'token', scopes: ['admin'] })
    expect(() => parseOpenApi(text('#/nowhere'))).toThrow('GET /a refers to #/nowhere, which is not there')
  })

  it('has servers of a path and of an operation, which count as its own do', () => {
    const text = `openapi: 3.0.3
servers: [{ url: https://a/v1 }]
security: [{ oauth: [read] }]
paths:
  /a: { servers: [{ url: https://a/v2 }], get: {}, put: { servers: [{ url: /v3/ }] } }
  /b: { get: { servers: [{ url: /v4 }, { url: /v5 }] }, put: { servers: [{ url: '/{v}' }] }, post: {} }
${oauth}
`
    const { routes, left } = buildRoutes(parseOpenApi(text))
    expect(routes.map(({ path, methods }) => [path, ...methods])).toEqual([
      ['/v2/a', 'GET'],
      ['/v3/a', 'PUT'],
      ['/v1/b', 'POST'],
    ])
    expect(left.map(({ operation, why }) => [operation, why])).toEqual([
      ['GET /b', 'its own servers have different paths (/v4, /v5): write the rule by hand'],
      ['PUT /b', 'its own servers cannot be read: write the rule by hand'],
    ])
    const told = buildRoutes(parseOpenApi(text, '/gw'))
    expect(told.routes.map(({ path }) => path)).toEqual(['/gw/b'])
    expect(told.left[0]?.why).toBe(
      'it has servers of its own (/v2), for which --base-path does not stand: write the rule by hand',
    )
  })

  it('of 3.2 has methods of its own, of which none is dropped; of 3.3 nobody knows what it has', () => {
    const text = `openapi: 3.2.0
security: [{ oauth: [read] }]
paths: { /a: { query: {}, additionalOperations: { LINK: {}, FROB: {}, CONNECT: {} } } }
${oauth}
`
    const { routes, left } = buildRoutes(parseOpenApi(text))
    expect([...routes.flatMap(({ methods }) => methods), ...left.map(({ operation }) => operation)].sort()).toEqual(
      METHODS.includes('QUERY') ? ['FROB /a', 'LINK', 'QUERY'] : ['FROB /a', 'LINK', 'QUERY /a'],
    )
    expect(() => parseOpenApi(text.replace('3.2.0', '3.3.0'))).toThrow(
      'OpenAPI 3.3.0 is not read: 3.0, 3.1 and 3.2 are',
    )
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
      'GET /orders: the document says nothing about its security, and `GET /v1/**` lets it through',
    )
  })

  it('leaves the rest of a rule to who wrote it', () => {
    const stricter = imported.map((route) =>
      typeof route.require === 'object' ? { ...route, require: { ...route.require, roles: ['clerk'] } } : route,
    )
    expect(drift(stricter)).toEqual(drift(imported))
  })

  it('names the open routes of the service that no operation reaches', () => {
    const table = (routes: object[]) =>
      buildRouteTable({
        ...{ issuerHost: 'a', audience: 'https://a' },
        services: ['s', 'other'].map((name) => ({
          ...{ name, host: name, audience: name, upstream: ['http://o:1'] },
          routes: routes as never,
        })),
      })
    const found = (routes: object[]) =>
      findUndocumented({ document: parseOpenApi(orders), table: table(routes), host: 's', service: 's' }).map(
        ({ operation, message }) => `${operation}: ${message}`,
      )
    const message = 'no operation of the document, and the route lets anybody pass'
    expect(
      found([
        { path: '/v1/status', methods: ['GET'], require: 'nothing' },
        { path: '/v1/status', methods: ['DELETE'], require: 'optional' },
        { path: '/v1/orders', require: 'token' },
        { path: '/v1/inside', require: { caller: 'nothing', addresses: ['10.0.0.0/8'] } },
        { path: '/v1/debug/**', methods: ['GET', 'POST'], require: 'nothing' },
      ]),
    ).toEqual([
      `DELETE /v1/status: ${message} (route s /v1/status)`,
      `GET /v1/debug/**: ${message} (route s /v1/debug/**)`,
      `POST /v1/debug/**: ${message} (route s /v1/debug/**)`,
    ])
    expect(found([{ path: '/v1/status', require: 'nothing' }]).map((line) => line.split(' ')[0])).toEqual([
      ...['POST', 'PUT', 'PATCH', 'DELETE'],
    ])
  })
})
