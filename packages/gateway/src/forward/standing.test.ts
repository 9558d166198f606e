import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { buildToken } from '../fixtures/tokens.ts'
import { findClosedOrigin, startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'
import { RetryBudget } from './retry-budget.ts'
import { defaultTuning } from './tuning.ts'
import { Upstream } from './upstream.ts'
import { UpstreamSet } from './upstream-set.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function front(upstream: readonly string[], more: Partial<ServiceDefinition> = {}): Promise<TestGateway> {
  const routes = [{ path: '/**', require: 'optional' }] as const
  const test = await startGateway([{ name: 's', audience: 's', upstream, routes, ...more }])
  stops.push(() => test.stop())
  return test
}

/** A service that answers with what it is set to, and says who it is. */
async function startNamed(name: string): Promise<TestUpstream & { status: number }> {
  const upstream = await startUpstream((request, response) => {
    response.statusCode = request.url === '/healthz' || request.url === '/' ? named.status : 200
    response.end(name)
  })
  const named = { ...upstream, status: 200 }
  stops.push(() => upstream.stop())
  return named
}

const ask = async (test: TestGateway, times: number, options = {}): Promise<string> => {
  let all = ''
  for (let count = 0; count < times; count += 1) all += (await send(test.port, '/', options)).body
  return all
}

describe('an upstream that answers 502 or 504 again and again', () => {
  it('is passed over for a while, asked again, and taken back once it answers', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')]
    const test = await front([a.origin, b.origin])
    a.status = 502
    expect(await ask(test, 10)).toBe('ababababab')
    expect(await ask(test, 4)).toBe('bbbb')
    a.status = 200
    test.clock.advance(1)
    expect(await ask(test, 4)).toMatch(/^(ab){2}$|^(ba){2}$/)
  })

  it('is asked all the same where there is no other, so that its good paths go on', async () => {
    const a = await startNamed('a')
    const test = await front([a.origin])
    a.status = 504
    expect(await ask(test, 10)).toBe('a'.repeat(10))
    expect((await send(test.port, '/good')).status).toBe(200)
    const b = await startNamed('b')
    b.status = 502
    test.gateway.replace(
      tableFor([
        { name: 's', audience: 's', upstream: [a.origin, b.origin], routes: [{ path: '/**', require: 'nothing' }] },
      ]),
    )
    await ask(test, 20)
    expect((await send(test.port, '/good')).status).toBe(200)
  })

  it('is passed over as well where it breaks off', async () => {
    const broken = await startUpstream((request) => request.socket.destroy())
    stops.push(() => broken.stop())
    const b = await startNamed('b')
    const test = await front([broken.origin, b.origin])
    for (let count = 0; count < 12; count += 1) await send(test.port, '/')
    expect(broken.received).toHaveLength(5)
  })
})

describe('a health check', () => {
  const health = { path: '/healthz', every: 1, timeout: 1 }

  it('takes an upstream out that is not well, and back once it is', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')]
    a.status = 503
    const upstreams = [a, b].map(({ origin }) => {
      const check = { path: '/healthz', every: 20, timeout: 200 }
      return new Upstream(origin, { timeouts, health: check }, defaultTuning)
    })
    stops.push(() => Promise.all(upstreams.map((upstream) => upstream.destroy())))
    stops.push(() => Promise.all(upstreams.map((upstream) => upstream.close())))
    const set = new UpstreamSet(upstreams)
    await until(() => upstreams[0]?.standing.isPoor(0) === true)
    expect([set.take(0), set.take(0), set.take(0)].map((found) => found?.origin)).toEqual(Array(3).fill(b.origin))
    a.status = 200
    await until(() => upstreams[0]?.standing.isPoor(0) === false)
    expect(new Set([set.take(0), set.take(0)])).toEqual(new Set(upstreams))
  })

  it('that is wrong about all of them shuts nobody out, and ends with the gateway', async () => {
    const a = await startNamed('a')
    const b = await startNamed('b')
    const test = await front([a.origin, b.origin], { health: { ...health, path: '/healthz' } })
    await until(() => a.received.some(({ url }) => url === '/healthz'))
    a.status = 500
    b.status = 500
    await until(() => a.received.filter(({ url }) => url === '/healthz').length >= 3)
    expect((await send(test.port, '/good')).status).toBe(200)
    await test.gateway.close()
    const before = a.received.length
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect(a.received).toHaveLength(before)
  })

  it('fails where nobody listens, or nothing comes in time', async () => {
    const silent = await startUpstream(() => undefined)
    stops.push(() => silent.stop())
    for (const origin of [await findClosedOrigin(), silent.origin]) {
      const check = { path: '/healthz', every: 20, timeout: 50 }
      const upstream = new Upstream(origin, { timeouts, health: check }, defaultTuning)
      stops.push(() => upstream.destroy())
      stops.push(() => upstream.close())
      await until(() => upstream.standing.isPoor(0))
    }
  })

  it('is refused at load where it cannot be meant', () => {
    const service = (check: ServiceDefinition['health']): ServiceDefinition[] => [
      {
        name: 's',
        audience: 's',
        upstream: ['http://s'],
        routes: [{ path: '/', require: 'nothing' }],
        health: check as never,
      },
    ]
    expect(() => tableFor(service({ path: 'healthz' }))).toThrow(/health\.path/)
    expect(() => tableFor(service({ path: '/a b' }))).toThrow(/health\.path/)
    expect(() => tableFor(service({ path: '/', every: 0 }))).toThrow(/from 1s/)
  })
})

const timeouts = { connect: 1000, headers: 1000, idle: 1000 }

describe('the balance of several upstreams', () => {
  const setOf = (balance: 'sticky' | 'least_loaded') => {
    const upstreams = [1, 2, 3, 4].map((port) => new Upstream(`http://127.0.0.1:${port}`, { timeouts }, defaultTuning))
    stops.push(() => Promise.all(upstreams.map((upstream) => upstream.close())))
    return { upstreams, set: new UpstreamSet(upstreams, balance) }
  }

  it('least_loaded takes the one with least under way, and turns among equals', () => {
    const { upstreams, set } = setOf('least_loaded')
    for (const [index, running] of [3, 1, 2, 1].entries()) (upstreams[index] as Upstream).running = running
    expect([set.take(0), set.take(0), set.take(0)].map((found) => found && upstreams.indexOf(found))).toEqual([1, 3, 1])
  })

  it('sticky gives each caller the same one, spreads them, and moves only those whose one is lost', () => {
    const { upstreams, set } = setOf('sticky')
    const callers = Array.from({ length: 400 }, (_, index) => ({
      token: buildToken({ sub: `usr_${index}` }),
      address: '',
    }))
    const before = callers.map((caller) => set.take(0, undefined, caller))
    expect(callers.map((caller) => set.take(0, undefined, caller))).toEqual(before)
    for (const upstream of upstreams) expect(before.filter((found) => found === upstream).length).toBeGreaterThan(60)
    const lost = upstreams[2] as Upstream
    for (let count = 0; count < 3; count += 1) lost.unreachable(0)
    const after = callers.map((caller) => set.take(0, undefined, caller))
    expect(after).not.toContain(lost)
    for (const [index, found] of before.entries()) if (found !== lost) expect(after[index]).toBe(found)
  })

  it('sticky goes by address where nobody is known', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')]
    const test = await front([a.origin, b.origin], { balance: 'sticky' })
    expect(await ask(test, 6)).toMatch(/^(a{6}|b{6})$/)
    expect(await ask(test, 6, { token: 'user' })).toMatch(/^(a{6}|b{6})$/)
  })
})

describe('the budget for retries', () => {
  it('is a fifth of the requests, a few at least, and is there again later', () => {
    const budget = new RetryBudget()
    const taken = (now: number) => {
      let count = 0
      while (budget.take(now)) count += 1
      return count
    }
    expect(taken(21_000)).toBe(10)
    for (let count = 0; count < 1000; count += 1) budget.count(21_000)
    expect(taken(21_000)).toBe(190)
    expect(taken(30_999)).toBe(0)
    expect(taken(31_000)).toBe(10)
  })

  it('ends: then a failure to connect is told to the client', async () => {
    const b = await startNamed('b')
    const routes = [{ path: '/**', require: 'nothing' }] as const
    const upstream = [await findClosedOrigin(), b.origin]
    const test = await startGateway([{ name: 's', audience: 's', upstream, routes }], { tuning: { failures: 1000 } })
    stops.push(() => test.stop())
    const statuses: number[] = []
    for (let count = 0; count < 80; count += 1) statuses.push((await send(test.port, '/')).status)
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(200))
    expect(statuses.filter((status) => status === 502).length).toBeGreaterThan(20)
  })
})
