import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeAsked } from './authorize/asked-request.ts'
import type { RemoteDefinition } from './authorize/remote-decider.ts'
import { send, until } from './fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from './fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from './fixtures/upstream.ts'
import type { RouteDefinition } from './routes.ts'

/** What the decider was asked, and what it answers. */
let asked: { body: Record<string, Record<string, unknown>>; authorization: string | undefined }[] = []
let reply: { status?: number; text?: string; after?: number; location?: string } = {}
const decider: Server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  asked.push({ body: JSON.parse(text), authorization: request.headers.authorization })
  const { status = 200, text: answer = '{"allow":true}', after = 0, location } = reply
  setTimeout(() => response.writeHead(status, location === undefined ? {} : { location }).end(answer), after)
})

let upstream: TestUpstream
let test: TestGateway

const definition = (more: Partial<RemoteDefinition> = {}): RemoteDefinition => ({
  ...{ url: `http://127.0.0.1:${(decider.address() as AddressInfo).port}/decide`, timeout: 150, cacheFor: 0 },
  question: describeAsked,
  readAnswer: (answer) => {
    const { allow, reason } = answer as { allow?: unknown; reason?: string }
    return typeof allow === 'boolean' ? { allowed: allow, reason } : undefined
  },
  ...more,
})

beforeAll(async () => {
  await new Promise<void>((done) => decider.listen(0, '127.0.0.1', done))
  upstream = await startUpstream()
})
beforeEach(async () => {
  ;[asked, reply] = [[], {}]
  await test?.stop()
  const failing = () => {
    throw new Error('No such key: org')
  }
  const routes: RouteDefinition[] = [
    { path: '/a/{id}', require: { remote: definition({ token: 'for the decider' }) } },
    { path: '/scoped', require: { scopes: ['orders:read'], remote: definition() } },
    { path: '/few/**', require: { remote: definition({ atATime: 2 }) } },
    { path: '/kept/**', require: { remote: definition({ cacheFor: 1000 }) } },
    { path: '/no-question', require: { remote: definition({ question: failing }) } },
    { path: '/nobody', require: { caller: 'nothing', remote: definition() } },
    { path: '/trial', require: 'token', observe: { remote: definition() } },
  ]
  test = await startGateway([{ name: 's', audience: 'https://s.test', upstream: [upstream.origin], routes }], {
    dependencies: {
      onObservation: (route, outcome) => observed.push(`${route}: ${outcome}`),
      isRevoked: () => isRevoked,
    },
  })
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
  decider.closeAllConnections()
  decider.close()
})
const observed: string[] = []
let isRevoked = false

const ask = async (path: string, token: string | null = 'user') => {
  const before = upstream.received.length
  const { status, headers, body } = await send(test.port, path, token === null ? {} : { token })
  expect(upstream.received.length - before).toBe(status === 200 ? 1 : 0)
  return { status, headers, body }
}

describe('somebody outside who decides', () => {
  it('is told who asks for what, and lets through', async () => {
    expect((await ask('/a/b%20c?x=1&x=2', 'clerk')).status).toBe(200)
    expect(asked).toMatchObject([
      {
        authorization: 'Bearer for the decider',
        body: {
          request: {
            method: 'GET',
            host: 'auth.test',
            path: '/a/b%20c',
            query: { x: ['1', '2'] },
            address: '127.0.0.1',
          },
          principal: { client_id: 'web', roles: ['clerk', 'night shift'], org: 'Zoë & Co' },
          path: { id: 'b c' },
        },
      },
    ])
    expect((await ask('/nobody', null)).status).toBe(200)
    expect(asked[1]?.body.principal).toBeNull()
  })

  it('refuses, with its reason in the log alone', async () => {
    reply = { text: '{"allow":false,"reason":"not on Sundays"}' }
    const { status, body } = await ask('/a/1')
    expect([status, JSON.parse(body).error]).toEqual([403, 'forbidden'])
    expect(body).not.toContain('Sundays')
    expect(test.log[0]).toMatchObject({
      rule: 'require.remote',
      reason: expect.stringMatching(/says no: not on Sundays$/),
    })
  })

  it('is asked last, and not at all where something else refuses or nothing can be asked', async () => {
    expect((await ask('/scoped')).status).toBe(403)
    expect((await ask('/a/1', null)).status).toBe(401)
    expect((await ask('/no-question')).status).toBe(403)
    expect(asked).toEqual([])
  })

  it.each([
    ['an answer of another kind', { text: '{"allow":"true"}' }],
    ['no JSON', { text: 'yes' }],
    ['an error', { status: 500 }],
    ['another good status', { status: 201 }],
    ['a redirect', { status: 302, location: '/decide' }],
    ['no answer in time', { after: 400 }],
    ['too long an answer', { text: `{"allow":true,"more":"${'x'.repeat(70_000)}"}` }],
  ])('lets nobody through by %s', async (_what, wrong) => {
    reply = wrong
    const { status, headers, body } = await ask('/a/1')
    expect([status, JSON.parse(body).error, headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '1'])
    expect(test.log[0]?.reason).toContain('gave no answer')
  })

  it('is not asked the same again for a while, and everything else at once', async () => {
    await ask('/kept/1')
    reply = { text: '{"allow":false}' }
    expect((await ask('/kept/1')).status).toBe(200)
    expect((await ask('/kept/1?')).status).toBe(200)
    for (const [path, token] of [['/kept/2'], ['/kept/1?a=1'], ['/kept/1', 'clerk']] as const) {
      expect((await ask(path, token)).status).toBe(403)
    }
    expect(asked).toHaveLength(4)
    test.clock.advance(1)
    expect((await ask('/kept/1')).status).toBe(403)
  })

  it('is asked again after a failure: nothing is remembered of it', async () => {
    reply = { status: 500 }
    expect((await ask('/kept/1')).status).toBe(503)
    reply = {}
    expect((await ask('/kept/1')).status).toBe(200)
  })

  it('is asked once for what many ask at once', async () => {
    reply = { after: 50 }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(test.port, '/kept/many', { token: 'user' })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(asked).toHaveLength(1)
  })

  it('is asked only so much at once', async () => {
    reply = { after: 100 }
    const all = ['/few/1', '/few/2', '/few/3'].map((path) => send(test.port, path, { token: 'user' }))
    expect((await Promise.all(all)).map(({ status }) => status).sort()).toEqual([200, 200, 503])
    expect(asked).toHaveLength(2)
    expect(test.log[0]?.reason).toContain('too many questions')
    expect((await ask('/few/3')).status).toBe(200)
  })

  it('is left alone for a while after five failures, and then one may try', async () => {
    reply = { status: 500 }
    for (let round = 0; round < 8; round += 1) expect((await ask(`/a/${round}`)).status).toBe(503)
    expect(asked).toHaveLength(5)
    expect(test.log.at(-1)?.reason).toContain('left alone')
    test.clock.advance(2)
    expect((await ask('/a/1')).status).toBe(503)
    expect((await ask('/a/1')).status).toBe(503)
    expect(asked).toHaveLength(6)
    reply = {}
    test.clock.advance(3)
    for (const id of [1, 2, 3]) expect((await ask(`/a/${id}`)).status).toBe(200)
  })

  it('does not let through whose token was revoked while it was thinking', async () => {
    reply = { after: 50 }
    isRevoked = true
    expect((await ask('/a/1')).status).toBe(401)
    isRevoked = false
  })

  it('only observed, holds nobody up', async () => {
    reply = { text: '{"allow":false}', after: 100 }
    expect((await ask('/trial')).status).toBe(200)
    await expect.poll(() => observed).toEqual(['s /trial: forbidden'])
  })
})

describe('requests that wait for a decider', () => {
  const ask = (id = 1) => send(test.port, `/a/${id}`, { token: 'user' }).then(({ status }) => status)

  it('get to the service that they were for, however often the routes change meanwhile', async () => {
    reply = { after: 100 }
    const waiting = [ask(1), ask(2), ask(3)]
    await until(() => asked.length === 3)
    const other = await startUpstream()
    const elsewhere = (origin: string) =>
      tableFor([{ name: 's', audience: 's', upstream: [origin], routes: [{ path: '/**', require: 'nothing' }] }])
    // The service is among those of the first change, and not of the second.
    test.gateway.replace(elsewhere(upstream.origin))
    test.gateway.replace(elsewhere(other.origin))
    expect(await Promise.all(waiting)).toEqual([200, 200, 200])
    expect(other.received).toEqual([])
    await other.stop()
  })

  it('are answered before the gateway closes', async () => {
    reply = { after: 100 }
    const waiting = ask()
    await until(() => asked.length === 1)
    await test.gateway.close()
    expect(await waiting).toBe(200)
  })
})
