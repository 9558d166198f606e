import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { buildToken } from '../fixtures/tokens.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import type { GatewayDependencies } from '../gateway.ts'
import type { RouteDefinition, ServiceDefinition } from '../routes.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type LimitsDefinition = NonNullable<ServiceDefinition['limits']>

const servicesWith = (
  origin: string,
  limits: LimitsDefinition,
  require: RouteDefinition['require'] = 'nothing',
): ServiceDefinition[] => [{ name: 's', audience: 's', upstream: [origin], limits, routes: [{ path: '/**', require }] }]

/** Two gateways before one service, each of which hears what the other one tells, once that is let through. */
async function startTwo(
  limits: LimitsDefinition,
  answer?: (response: ServerResponse) => void,
  dependencies: Partial<GatewayDependencies> = {},
  require: RouteDefinition['require'] = 'nothing',
) {
  const upstream = await startUpstream((_request, response) => (answer ?? ((one) => one.end('ok')))(response))
  stops.push(() => upstream.stop())
  const gateways: TestGateway[] = []
  let letThrough: Promise<unknown> = Promise.resolve()
  const hold = (): (() => void) => {
    let release = (): void => {}
    letThrough = new Promise<void>((resolve) => {
      release = resolve
    })
    return release
  }
  const start = async (): Promise<TestGateway> => {
    const tellOthers = async (messages: readonly string[]): Promise<void> => {
      await letThrough
      for (const { gateway } of gateways) for (const message of messages) gateway.hearOther(message)
    }
    const test = await startGateway(servicesWith(upstream.origin, limits, require), {
      dependencies: { tellOthers, ...dependencies },
    })
    stops.push(() => test.stop())
    gateways.push(test)
    return test
  }
  return { near: await start(), far: await start(), origin: upstream.origin, hold }
}

const allowed = async ({ port }: TestGateway, times: number): Promise<number> => {
  let count = 0
  for (let round = 0; round < times; round += 1) if ((await send(port, '/')).status === 200) count += 1
  return count
}

const remaining = async ({ port }: TestGateway): Promise<number> =>
  Number(/r=(\d+)/.exec(String((await send(port, '/')).headers.ratelimit))?.[1])

describe('two gateways that hear each other', () => {
  it('hold a rate together, and say what is left of it together', async () => {
    const { near, far } = await startTwo({ rate: [{ per: 'address', requests: 40, window: 3600 }] })
    expect(await allowed(near, 30)).toBe(30)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await remaining(far)).toBe(9)
    expect(await allowed(far, 30)).toBe(9)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await allowed(near, 10)).toBe(0)
  })

  it('say how long it takes until what was taken beyond is made up for', async () => {
    const { near, far, hold } = await startTwo({ rate: [{ per: 'address', requests: 10, window: 10 }] })
    const release = hold()
    // Six more than there are.
    expect(await Promise.all([allowed(near, 8), allowed(far, 8)])).toEqual([8, 8])
    release()
    await new Promise((resolve) => setTimeout(resolve, 400))
    const { headers } = await send(near.port, '/')
    expect(headers).toMatchObject({ 'retry-after': '7', ratelimit: '"address";r=0;t=16' })
  })

  it('count a caller by the same name, however long it is', async () => {
    const long = buildToken({ sub: 'a'.repeat(300) })
    const limits: LimitsDefinition = { rate: [{ per: 'principal', requests: 10, window: 3600 }] }
    const { near, far } = await startTwo(limits, undefined, { verify: () => long }, 'signed-in')
    for (let count = 0; count < 5; count += 1) await send(near.port, '/', { token: 'any' })
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await send(far.port, '/', { token: 'any' })).headers.ratelimit).toMatch(/r=4;/)
  })

  it('go on hearing each other when their routes are replaced', async () => {
    const limits: LimitsDefinition = { rate: [{ per: 'address', requests: 40, window: 3600 }] }
    const { near, far, origin } = await startTwo(limits)
    expect(await allowed(near, 10)).toBe(10)
    for (const { gateway } of [near, far]) gateway.replace(tableFor(servicesWith(origin, limits)))
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await remaining(far)).toBe(29)
    const more: LimitsDefinition = { rate: [{ per: 'address', requests: 60, window: 3600 }] }
    for (const { gateway } of [near, far]) gateway.replace(tableFor(servicesWith(origin, more)))
    expect(await allowed(near, 10)).toBe(10)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await remaining(far)).toBe(49)
  })

  it('hold together what is under way at once, until it is over', async () => {
    const waiting: ServerResponse[] = []
    const { near, far } = await startTwo({ concurrency: 2 }, (response) => waiting.push(response))
    const two = [send(near.port, '/'), send(far.port, '/')]
    await until(() => waiting.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await send(near.port, '/')).status).toBe(503)
    expect((await send(far.port, '/')).status).toBe(503)
    for (const response of waiting) response.end()
    await Promise.all(two)
    await new Promise((resolve) => setTimeout(resolve, 400))
    const again = [send(far.port, '/'), send(far.port, '/')]
    await until(() => waiting.length === 4)
    for (const response of waiting) response.end()
    expect((await Promise.all(again)).map(({ status }) => status)).toEqual([200, 200])
  })

  it('tell before they stop what they have let through', async () => {
    const { near, far } = await startTwo({ rate: [{ per: 'address', requests: 40, window: 3600 }] })
    expect(await allowed(near, 2)).toBe(2)
    await near.stop()
    expect(await remaining(far)).toBe(37)
  })

  it('free at once what one had under way that is stopped', async () => {
    const waiting: ServerResponse[] = []
    const { near, far } = await startTwo({ concurrency: 1 }, (response) => waiting.push(response))
    const first = send(near.port, '/').catch(() => undefined)
    await until(() => waiting.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect((await send(far.port, '/')).status).toBe(503)
    await near.stop()
    await first
    const next = send(far.port, '/')
    await until(() => waiting.length === 2)
    waiting[1]?.end()
    expect((await next).status).toBe(200)
  })
})
