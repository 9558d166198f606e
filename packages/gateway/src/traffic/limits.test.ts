import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { checkRequest } from '../check-request.ts'
import { send, until } from '../fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import type { RouteDefinition, ServiceDefinition } from '../routes.ts'
import { createUpgradedResponse } from '../websocket/upgraded-response.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type LimitsDefinition = NonNullable<ServiceDefinition['limits']>

const serviceWith = (origin: string, limits: LimitsDefinition, ofRoute?: LimitsDefinition): ServiceDefinition[] => {
  const narrow: RouteDefinition = {
    ...{ path: '/narrow', require: 'nothing' },
    ...(ofRoute === undefined ? {} : { limits: ofRoute }),
  }
  const routes = [{ path: '/**', require: 'nothing' as const }, narrow]
  return [{ name: 's', audience: 's', upstream: [origin], limits, routes }]
}

async function start(origin: string, limits: LimitsDefinition, ofRoute?: LimitsDefinition): Promise<TestGateway> {
  const test = await startGateway(serviceWith(origin, limits, ofRoute))
  test.server.on('upgrade', (request, socket, head) => {
    const response = createUpgradedResponse(request, socket)
    if (response) test.gateway.upgrade(request, response, checkRequest(request), head)
  })
  stops.push(() => test.stop())
  return test
}

/** A service that answers when it is told to. */
async function startPatient() {
  const waiting: ServerResponse[] = []
  const upstream = await startUpstream((_request, response) => waiting.push(response))
  stops.push(() => upstream.stop())
  return { ...upstream, waiting }
}

describe('a limit on what is under way at once', () => {
  it('refuses what comes beyond it, and lets through again when something is over', async () => {
    const { origin, waiting } = await startPatient()
    const test = await start(origin, { concurrency: 2 })
    const two = [send(test.port, '/a'), send(test.port, '/b')]
    await until(() => waiting.length === 2)
    const refused = await send(test.port, '/c')
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    expect(test.log[0]).toMatchObject({ code: 'temporarily_unavailable', rule: 'limits.concurrency' })
    for (const response of waiting) response.end()
    expect((await Promise.all(two)).map(({ status }) => status)).toEqual([200, 200])
    const next = send(test.port, '/d')
    await until(() => waiting.length === 3)
    waiting[2]?.end()
    expect((await next).status).toBe(200)
  })

  it('of a route leaves the others alone', async () => {
    const { origin, waiting } = await startPatient()
    const test = await start(origin, {}, { concurrency: 1 })
    const first = send(test.port, '/narrow')
    await until(() => waiting.length === 1)
    expect((await send(test.port, '/narrow')).status).toBe(503)
    const other = send(test.port, '/other')
    await until(() => waiting.length === 2)
    for (const response of waiting) response.end()
    expect((await Promise.all([first, other])).map(({ status }) => status)).toEqual([200, 200])
  })

  it('forgets whoever went away, and what failed', async () => {
    const { origin, waiting, stop } = await startPatient()
    const test = await start(origin, { concurrency: 1 })
    const socket = connect(test.port, '127.0.0.1', () => socket.write(`GET / HTTP/1.1\r\nHost: ${issuerHost}\r\n\r\n`))
    await until(() => waiting.length === 1)
    socket.destroy()
    await until(() => test.answers.some(({ status }) => status === 499))
    await stop()
    expect((await send(test.port, '/')).status).toBe(502)
    expect((await send(test.port, '/')).status).toBe(502)
  })

  it('counts a WebSocket for as long as it is open', async () => {
    const upstream = await startUpstream()
    const sockets = new WebSocketServer({ server: upstream.server })
    stops.push(() => upstream.stop())
    const test = await start(upstream.origin, { concurrency: 1 })
    const socket = new WebSocket(`ws://127.0.0.1:${test.port}/live`, { headers: { host: issuerHost } })
    await new Promise((resolve) => socket.once('open', resolve))
    expect((await send(test.port, '/')).status).toBe(503)
    socket.close()
    await until(() => test.answers.some(({ status }) => status === 101))
    expect((await send(test.port, '/')).status).toBe(200)
    sockets.close()
  })

  it('counts through a reload what is under way', async () => {
    const { origin, waiting } = await startPatient()
    const test = await start(origin, { concurrency: 1 })
    const first = send(test.port, '/')
    await until(() => waiting.length === 1)
    test.gateway.replace(tableFor(serviceWith(origin, { concurrency: 1 })))
    expect((await send(test.port, '/')).status).toBe(503)
    waiting[0]?.end()
    await first
    const next = send(test.port, '/')
    await until(() => waiting.length === 2)
    waiting[1]?.end()
    expect((await next).status).toBe(200)
  })
})

describe('a limit on answers', () => {
  it('makes 502 of one that is announced to be longer, and lets one through that is as long', async () => {
    const upstream = await startUpstream((request, response) => {
      const text = 'x'.repeat(Number(request.url?.slice(1)))
      response.setHeader('content-length', text.length).end(text)
    })
    stops.push(() => upstream.stop())
    const test = await start(upstream.origin, { response: 100 })
    expect((await send(test.port, '/100')).body).toHaveLength(100)
    const refused = await send(test.port, '/101')
    expect([refused.status, JSON.parse(refused.body).error]).toEqual([502, 'bad_gateway'])
    expect(test.log[0]).toMatchObject({ rule: 'limits.response', needed: 'an answer of at most 100 bytes' })
    expect((await send(test.port, '/101', { method: 'HEAD' })).headers['content-length']).toBe('101')
  })

  it('breaks one off that turns out to be longer, so that nobody takes it for whole', async () => {
    const upstream = await startUpstream(async (_request, response) => {
      for (let part = 0; part < 20 && !response.destroyed; part += 1) {
        response.write('x'.repeat(10))
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      response.end()
    })
    stops.push(() => upstream.stop())
    const test = await start(upstream.origin, { response: 100 }, { response: 1000 })
    await expect(send(test.port, '/')).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect((await send(test.port, '/narrow')).body).toHaveLength(200)
  })
})

describe('a limit on bodies', () => {
  it('of a route stands in place of its service’s', async () => {
    const upstream = await startUpstream()
    stops.push(() => upstream.stop())
    const test = await start(upstream.origin, { body: 10 }, { body: 20 })
    const post = async (path: string) => (await send(test.port, path, { method: 'POST', body: 'x'.repeat(15) })).status
    expect([await post('/'), await post('/narrow')]).toEqual([413, 200])
  })
})

it('is refused at load where it cannot be meant', () => {
  expect(() => tableFor(serviceWith('http://s', { concurrency: 0 }))).toThrow(/limits\.concurrency is a whole number/)
  expect(() => tableFor(serviceWith('http://s', {}, { response: -1 }))).toThrow(/routes\[1\]: limits\.response/)
})
