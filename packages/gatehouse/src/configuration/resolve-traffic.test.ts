import { findLeaf, newTrie } from '@gatehouse/gateway/route-trie'
import type { RouteTable } from '@gatehouse/gateway/routes'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'
import { loadRuleCompiler } from './rule-compiler.ts'

beforeAll(loadRuleCompiler)

const environment = { KEY: Buffer.alloc(32, 7).fill('key', 0, 3).toString('base64') }

const loadText = (text: string) =>
  checkConfiguration(readConfigurationText(text, 'gatehouse.yaml', environment), { development: true, environment })

/** A service with these further keys, and a route with those. */
const withService = (first: string, ofService: string, ofRoute: string) => `issuer: https://auth.example.com
services:
  orders:
    ${first}
${ofService === '' ? '' : `    ${ofService}\n`}    routes: [{ path: /orders/**, require: token${ofRoute === '' ? '' : `, ${ofRoute}`} }]
`
const load = (ofService: string, ofRoute = '') =>
  loadText(withService('upstream: https://orders:4001', ofService, ofRoute))

const answersOf = (routes: RouteTable) =>
  findLeaf(routes.hosts.get('auth.example.com') ?? newTrie(), '/orders')?.any?.answers

const problemsOf = (text: string): string[] => {
  try {
    loadText(text)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}
const problems = (ofService: string, ofRoute = ''): string[] =>
  problemsOf(withService('upstream: https://orders:4001', ofService, ofRoute))

describe('the traffic care of a service', () => {
  it('has rate limits, for itself and for a route', () => {
    const { routes } = load(
      'limits: { body: 5, rate: [{ per: address, requests: 100, in: 1m, burst: 20 }] }',
      'limits: { rate: [{ per: principal, requests: 1, in: 1h }] }',
    )
    expect(routes?.rateLimits.map(({ policy }) => policy)).toEqual([
      '"address";q=100;w=60',
      '"route-principal";q=1;w=3600',
    ])
  })

  it('has limits on what is under way at once and on sizes', () => {
    const { routes } = load('limits: { body: 5, response: 1000, concurrency: 3 }', 'limits: { concurrency: 2 }')
    expect(routes?.concurrencyLimits.map(({ most, place }) => [most, place])).toEqual([
      [3, 'orders'],
      [2, 'orders: any /orders/**'],
    ])
  })

  it('has several ways to its upstreams', () => {
    const { routes } = load(
      'balance: sticky\n    connections: 7\n    health: { path: /healthz, every: 5s }\n    upstream_tls: { server_name: o }',
    )
    expect(routes?.services[0]).toMatchObject({
      balance: 'sticky',
      connections: 7,
      health: { path: '/healthz', every: 5000, timeout: 2000 },
      upstreamTls: { serverName: 'o' },
    })
  })

  it('has a policy for pages of other origins', () => {
    const { routes } = load('cors: { origins: [https://app.example.com], max_age: 1h }')
    expect(routes && answersOf(routes)?.cors?.preflight).toContain('3600')
  })

  it('sets the usual headers by one word, and what is said beside it has the last word', () => {
    const { routes } = load('security_headers: true', '')
    expect(routes && answersOf(routes)?.set).toContain('strict-transport-security')
    const changed = load('security_headers: true\n    response_headers: { set: { X-Frame-Options: SAMEORIGIN } }')
    expect(changed.routes && answersOf(changed.routes)?.set).toEqual(
      expect.arrayContaining(['x-frame-options', 'SAMEORIGIN']),
    )
    expect(changed.routes && answersOf(changed.routes)?.set).not.toContain('DENY')
  })

  const refused: Record<string, readonly [ofService: string, ofRoute: string, problem: RegExp]> = {
    'a limit per nobody known': [
      'limits: { rate: [{ per: user, requests: 1, in: 1m }] }',
      '',
      /services\.orders\.limits\.rate\[0\]\.per: expected one of address, client, principal, route$/,
    ],
    'a limit for longer than a day': [
      '',
      'limits: { rate: [{ per: route, requests: 1, in: 2d }] }',
      /services\.orders\.routes\[0\]: limits\.rate: in is from 1s to 1d$/,
    ],
    'an authority that is no file': [
      'upstream_tls: { ca: /nowhere/ca.pem }',
      '',
      /services\.orders\.upstream_tls\.ca: \/nowhere\/ca\.pem cannot be read$/,
    ],
    'a certificate without its key': [
      'upstream_tls: { cert: package.json }',
      '',
      /services\.orders: upstream_tls: cert and key go together$/,
    ],
    'an authority that is none': [
      'upstream_tls: { ca: package.json }',
      '',
      /upstream_tls\.ca: expected PEM certificates$/,
    ],
    'a balance that nobody knows': [
      'balance: random',
      '',
      /services\.orders\.balance: expected one of round_robin, least_loaded, sticky$/,
    ],
    'cookies for everybody': [
      'cors: { origins: ["*"], credentials: true }',
      '',
      /services\.orders: cors\.credentials: browsers never send them to \*; list the origins$/,
    ],
    'a header that frames the answer': [
      'response_headers: { set: { content-length: "5" } }',
      '',
      /services\.orders: response_headers: content-length is not decided here$/,
    ],
    'a prefix that not every path has': [
      'strip_prefix: /shop',
      '',
      /services\.orders\.routes\[0\]: strip_prefix: not every path of the route begins with \/shop$/,
    ],
    'a service that may never be asked': [
      'limits: { concurrency: 0 }',
      '',
      /services\.orders\.limits\.concurrency: expected a whole number from 1 to 1000000$/,
    ],
  }
  for (const [name, [ofService, ofRoute, problem]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => expect(problems(ofService, ofRoute)).toEqual([expect.stringMatching(problem)]))
  }

  it('is refused where another proxy forwards, as far as it has to do with forwarding and with answers', () => {
    const beside = (ofService: string, ofRoute = '') =>
      problemsOf(withService('forward_auth: true', ofService, ofRoute))
    expect(beside('limits: { body: 5, rate: [{ per: address, requests: 100, in: 1m }] }')).toEqual([])
    expect(beside('upstream: http://orders:4001', 'streams: { until: token }')).toEqual([])
    const without = [
      'connections: 5',
      'balance: sticky',
      'timeouts: { headers: 5s }',
      'strip_prefix: /orders',
      'add_prefix: /v2',
      'cors: { origins: [https://app.example.com] }',
      'response_headers: { remove: [x-powered-by] }',
      'security_headers: true',
      'health: { path: /health }',
      'limits: { response: 5 }',
      'limits: { concurrency: 5 }',
    ]
    for (const setting of without) {
      expect(beside(setting), setting).toMatchObject([expect.stringMatching(/has no effect here: the proxy that asks/)])
    }
    const ofRoutes = [
      'streams: { until: token }',
      'strip_prefix: /orders',
      'add_prefix: /v2',
      'limits: { response: 5 }',
      'limits: { concurrency: 5 }',
    ]
    for (const setting of ofRoutes) {
      expect(beside('', setting).join()).toMatch(/has no effect here/)
    }
  })
})
