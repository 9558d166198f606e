import { beforeAll, describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { ConfigurationError, formatProblem } from './problem.ts'
import { readConfigurationText } from './read-file.ts'
import { loadRuleCompiler } from './rule-compiler.ts'

beforeAll(loadRuleCompiler)

const environment = { KEY: Buffer.alloc(32, 7).fill('key', 0, 3).toString('base64') }

/** A service with these further keys, and a route with those. */
const load = (ofService: string, ofRoute = '') =>
  checkConfiguration(
    readConfigurationText(
      `issuer: https://auth.example.com
services:
  orders:
    upstream: https://orders:4001
${ofService === '' ? '' : `    ${ofService}\n`}    routes: [{ path: /orders/**, require: token${ofRoute === '' ? '' : `, ${ofRoute}`} }]
`,
      'gatehouse.yaml',
      environment,
    ),
    { development: true, environment },
  )

const problems = (ofService: string, ofRoute = ''): string[] => {
  try {
    load(ofService, ofRoute)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}

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
    'a service that may never be asked': [
      'limits: { concurrency: 0 }',
      '',
      /services\.orders\.limits\.concurrency: expected a whole number from 1 to 1000000$/,
    ],
  }
  for (const [name, [ofService, ofRoute, problem]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => expect(problems(ofService, ofRoute)).toEqual([expect.stringMatching(problem)]))
  }
})
