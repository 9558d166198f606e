import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RuleExpression, RuleVariable } from './authorize/asked-request.ts'
import type { RequireDefinition } from './authorize/requirement.ts'
import { send } from './fixtures/client.ts'
import { startGateway, type TestGateway } from './fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'

/** The values of the variables, without asking of each which kind it is. */
type Values = Record<RuleVariable, Record<string, unknown>>

const when = (names: readonly string[], test: (values: Values) => unknown, text = 'a condition') =>
  ({ text, reads: new Set(names), test: (values) => test(values as Values) }) satisfies RuleExpression

/** What the conditions were handed. */
const handed: unknown[] = []

const rules: Readonly<Record<string, RequireDefinition>> = {
  '/any-org': { org: 'required' },
  '/one-org': { org: ['org_1', 'Zoë & Co'] },
  '/robots': { clients: ['robot', 'other'] },
  '/near': { caller: 'nothing', addresses: ['10.0.0.0/8', '127.0.0.1', '2001:db8::/32'] },
  '/far': { addresses: ['10.0.0.0/8'] },
  '/open': { caller: 'nothing', when: [when(['request'], ({ request }) => request.method === 'GET')] },
  '/maybe': { caller: 'optional', when: [when(['principal'], ({ principal }) => principal.sub !== undefined)] },
  '/false': { when: [when([], () => true), when([], () => false)] },
  '/one': { when: [when([], () => 1)] },
  '/throws': {
    when: [
      when([], () => {
        throw new Error('No such key: x\n  in detail')
      }),
    ],
  },
  '/query': { when: [when(['request', 'request.query'], ({ request }) => (request.query as { a: string }).a === '1')] },
  '/user': { caller: 'signed-in', when: [when([], () => true)] },
  '/look': {
    when: [
      when(['principal', 'request', 'request.query', 'request.address', 'now'], (values) => handed.push(values) > 0),
    ],
  },
  '/names/{first}/x/{second}': { when: [when(['path'], (values) => handed.push(values) > 0)] },
  '/where': { when: [when(['request', 'request.address'], ({ request }) => request.address === '10.1.1.1')] },
}

let upstream: TestUpstream
let test: TestGateway
let stated: string | undefined = '127.0.0.1'

beforeAll(async () => {
  upstream = await startUpstream()
  const routes = Object.entries(rules).map(([path, require]) => ({ path, require }))
  test = await startGateway([{ name: 's', audience: 'https://s.test', upstream: [upstream.origin], routes }], {
    dependencies: {
      origin: {
        address: () => '127.0.0.1',
        scheme: () => 'http',
        isTrustedProxy: () => false,
        findStated: () => stated,
      },
    },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})

const table: [path: string, token: string | undefined, status: number, rule?: string][] = [
  ['/any-org', 'clerk', 200],
  ['/any-org', 'user', 403, 'require.org'],
  ['/one-org', 'clerk', 200],
  ['/one-org', 'user', 403, 'require.org'],
  ['/robots', 'machine', 200],
  ['/robots', 'user', 403, 'require.clients'],
  ['/near', undefined, 200],
  ['/far', undefined, 401],
  ['/far', 'user', 403, 'require.addresses'],
  ['/open', undefined, 200],
  ['/maybe', 'user', 200],
  ['/maybe', 'rubbish', 401],
  ['/maybe', undefined, 403, 'require.when[0]'],
  ['/false', 'user', 403, 'require.when[1]'],
  ['/one', 'user', 403, 'require.when[0]'],
  ['/throws', 'user', 403, 'require.when[0]'],
  ['/query?a=1', 'user', 200],
  ['/query?a=1&a=2', 'user', 403, 'require.when[0]'],
  ['/query?a=2&a=1', 'user', 403, 'require.when[0]'],
  ['/query?%61=1&b=2&b=3', 'user', 200],
  ['/query', 'user', 403, 'require.when[0]'],
  ['/user', 'user', 200],
  ['/user', 'machine', 403, 'require'],
]

describe('rules', () => {
  it.each(table)('%s with the token %s: %i %s', async (path, token, status, rule = '') => {
    const before = upstream.received.length
    const answer = await send(test.port, path, token === undefined ? {} : { token })
    expect(answer.status).toBe(status)
    expect(upstream.received.length - before).toBe(status === 200 ? 1 : 0)
    if (status === 403) expect(test.log.at(-1)).toMatchObject({ rule })
  })

  it('say in the log alone what was there and what was needed', async () => {
    const answer = await send(test.port, '/throws', { token: 'user' })
    expect(JSON.parse(answer.body)).toMatchObject({
      error: 'forbidden',
      error_description: 'The request is not allowed',
    })
    expect(answer.headers['www-authenticate']).toBeUndefined()
    expect(test.log.at(-1)).toMatchObject({
      reason: 'this has no value (No such key: x): a condition',
      needed: 'a valid token, and what makes this true: a condition',
    })
  })

  it.each([
    ['10.255.0.1', 200],
    ['11.0.0.1', 403],
    ['2001:db8::7', 200],
    ['fe80::1%eth0', 403],
    ['', 403],
    [undefined, 403],
  ])('count the address %s: %i', async (address, status) => {
    stated = address
    expect((await send(test.port, '/near')).status).toBe(status)
    stated = '127.0.0.1'
  })

  it('have no address in conditions where nobody who is trusted says one', async () => {
    stated = '10.1.1.1'
    expect((await send(test.port, '/where', { token: 'user' })).status).toBe(200)
    stated = undefined
    expect((await send(test.port, '/where', { token: 'user' })).status).toBe(403)
    stated = '127.0.0.1'
    expect(test.log.at(-1)?.reason).toContain('nobody who is trusted says where')
  })

  it('do not look for an address where no condition reads it', async () => {
    stated = undefined
    expect((await send(test.port, '/open')).status).toBe(200)
    stated = '127.0.0.1'
  })

  it('hand conditions what they name and nothing else', async () => {
    handed.length = 0
    expect((await send(test.port, '/names/a%20b/x/%C3%A9?q=1', { token: 'user' })).status).toBe(200)
    expect(handed).toEqual([{ path: { first: 'a b', second: 'é' } }])
  })

  it('tell conditions who calls, for what and when', async () => {
    handed.length = 0
    await send(test.port, '/look?a=b%20c', { token: 'clerk' })
    expect(handed).toMatchObject([
      {
        request: { method: 'GET', host: 'auth.test', path: '/look', address: '127.0.0.1', query: { a: 'b c' } },
        principal: { client_id: 'web', scopes: ['orders:write'], roles: ['clerk', 'night shift'], org: 'Zoë & Co' },
        now: new Date(test.clock.milliseconds()),
      },
    ])
    expect(handed[0]).not.toHaveProperty('principal.acr')
  })
})
