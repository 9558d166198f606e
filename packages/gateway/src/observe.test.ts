import { createPublicKey } from 'node:crypto'
import { ManualClock } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { buildThumbprint } from '@gatehouse/guard/thumbprint'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RuleExpression } from './authorize/asked-request.ts'
import { send } from './fixtures/client.ts'
import { startGateway, type TestGateway } from './fixtures/gateway-server.ts'
import { buildToken, verifyKnown } from './fixtures/tokens.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'
import type { ObservationEntry } from './observe.ts'
import type { RouteDefinition } from './routes.ts'

const throws: RuleExpression = {
  text: 'a condition',
  reads: new Set(),
  test: () => {
    throw new Error('No such key')
  },
}

const prover = createTestProver()
const bound = buildToken({ cnf: { jkt: buildThumbprint(createPublicKey(prover.privateKey)) ?? '' } })

let upstream: TestUpstream
let test: TestGateway
const seen: string[] = []
const logged: ObservationEntry[] = []
const failures: string[] = []
let isBroken = false

beforeAll(async () => {
  upstream = await startUpstream()
  const routes: RouteDefinition[] = [
    { path: '/scopes', require: 'token', observe: { scopes: ['orders:read'] } },
    { path: '/open', require: 'nothing', observe: 'token' },
    { path: '/throws', require: 'token', observe: { when: [throws] } },
    { path: '/plain', require: 'token' },
    { path: '/untried', require: 'nothing' },
  ]
  test = await startGateway([{ name: 's', audience: 'https://s.test', upstream: [upstream.origin], routes }], {
    dependencies: {
      verify(token, audiences, possession) {
        if (isBroken) throw new Error('it is broken')
        if (token === 'key-bound') return bound
        return verifyKnown(token, audiences, possession)
      },
      dpop: {
        scheme: 'http',
        isNonceAcceptable: (given) => given === 'nonce-1' || given === 'nonce-2',
        currentNonce: () => 'nonce-2',
        consume: async () => expect.fail('a proof is used up'),
      },
      allowFailure: (address) => failures.push(address) < 0,
      onObservation: (route, outcome) => seen.push(`${route}: ${outcome}`),
      logObservation: (entry) => logged.push(entry),
    },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})
beforeEach(() => {
  for (const list of [seen, logged, failures, test.log, test.decisions, test.identities]) list.length = 0
})

describe('a rule that is only observed', () => {
  it.each([
    ['/scopes', 'reader', 'allowed'],
    ['/scopes', 'writer', 'insufficient_scope'],
    ['/open', undefined, 'credentials_required'],
    ['/open', 'user', 'allowed'],
    ['/open', 'refuse-bad_signature', 'invalid_token'],
    ['/throws', 'user', 'forbidden'],
  ])('counts what it would decide, and lets through: %s with the token %s: %s', async (path, token, outcome) => {
    const answer = await send(test.port, path, token === undefined ? {} : { token })
    expect(answer.status).toBe(200)
    expect(seen).toEqual([`s ${path}: ${outcome}`])
    expect(logged.map(({ code }) => code)).toEqual(outcome === 'allowed' ? [] : [outcome])
    expect(test.decisions).toEqual([{ route: `s ${path}`, outcome: 'allowed' }])
    expect(test.log).toEqual([])
    // Nobody was asked for a token, so a bad one is held against nobody.
    expect(failures).toEqual([])
  })

  it('says in the log who asked for what, and which part would refuse', async () => {
    await send(test.port, '/scopes?secret=canary', { token: 'writer' })
    expect(logged).toMatchObject([
      {
        ...{ route: 's /scopes', method: 'GET', path: '/scopes', client_id: 'web', rule: 'observe.scopes' },
        reason: 'the token has the scope "orders:write" and lacks orders:read',
      },
    ])
    expect(JSON.stringify(logged)).not.toContain('canary')
  })

  it('forwards nothing else for having looked', async () => {
    await send(test.port, '/open', { token: 'user' })
    expect(upstream.received.at(-1)?.headers['x-gatehouse-subject']).toBe('')
    expect(test.identities).toHaveLength(0)
  })

  it.each([
    ['no nonce', undefined, 'use_dpop_nonce'],
    ['a nonce of before', 'nonce-1', 'allowed'],
  ])('changes nothing in the answer to a proof with %s', async (_, nonce, outcome) => {
    const ask = (path: string) => {
      const claims = { htm: 'GET', htu: `http://auth.test${path}`, iat: new ManualClock().now(), nonce }
      const dpop = prover.proofFor('key-bound', claims)
      return send(test.port, path, { headers: { authorization: 'DPoP key-bound', dpop } })
    }
    const [tried, untried] = [await ask('/open'), await ask('/untried')]
    expect(seen).toEqual([`s /open: ${outcome}`])
    const { date: _date, ...headers } = untried.headers
    expect(tried).toMatchObject({ status: untried.status, headers })
    expect(tried.headers).not.toHaveProperty('dpop-nonce')
  })

  it('does not see what is refused anyway, and is not missed where there is none', async () => {
    expect((await send(test.port, '/scopes')).status).toBe(401)
    expect((await send(test.port, '/plain', { token: 'user' })).status).toBe(200)
    expect(seen).toEqual([])
  })

  it('lets through although looking fails', async () => {
    isBroken = true
    expect((await send(test.port, '/open', { token: 'user' })).status).toBe(200)
    isBroken = false
    expect(seen).toEqual(['s /open: fault'])
  })
})
