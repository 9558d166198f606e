import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { findClosedOrigin, startUpstream, type TestUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'
import type { ForwardTuning } from './tuning.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const serviceAt = (origin: string, connections: number): ServiceDefinition => ({
  ...{ name: 's', audience: 's', upstream: [origin], connections, timeouts: { connect: 0.5 } },
  routes: [{ path: '/**', require: 'optional' }],
})

/** A service that answers a request with its body once that has come. */
async function startEcho(): Promise<TestUpstream> {
  const upstream = await startUpstream((incoming, response) => {
    incoming.on('error', () => undefined)
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => response.end(Buffer.concat(chunks)))
  })
  stops.push(upstream.stop)
  return upstream
}

/** Clients say here by which address they come. */
const origin = {
  address: ({ headers }: IncomingMessage) => String(headers['x-client'] ?? '192.0.2.1'),
  scheme: () => 'http' as const,
  isTrustedProxy: () => false,
  findStated: () => '192.0.2.1',
}

async function start(connections: number, tuning: Partial<ForwardTuning> = {}) {
  const upstream = await startEcho()
  const test = await startGateway([serviceAt(upstream.origin, connections)], {
    tuning: { tick: 20, ...tuning },
    dependencies: { origin },
  })
  stops.unshift(test.stop)
  return { upstream, test }
}

/** A client that sends what it is told, when it is told. */
class SlowClient {
  readonly socket: Socket
  text = ''

  constructor(test: TestGateway, begin: string) {
    this.socket = connect(test.port, '127.0.0.1', () => this.socket.write(begin))
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString()
    })
    this.socket.on('error', () => undefined)
    stops.unshift(async () => this.socket.destroy())
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0)
  }
}

const withLength = (length: number, more = ''): string =>
  `POST /slow HTTP/1.1\r\nHost: auth.test\r\n${more}Content-Length: ${length}\r\n\r\n`
const inChunksOf = (client: string): string =>
  `POST /slow HTTP/1.1\r\nHost: auth.test\r\nX-Client: ${client}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`
const inChunks = inChunksOf('192.0.2.1')
const isSlow = ({ url }: { readonly url: string }): boolean => url === '/slow'
const post = (test: TestGateway) => send(test.port, '/quick', { method: 'POST', body: 'all of it' })

describe('a body that says how long it is and comes slowly', () => {
  it('takes no connection of the service before it has come', async () => {
    const { upstream, test } = await start(1)
    const slow = new SlowClient(test, `${withLength(9)}abc`)
    // More of them than half of the connections, and than all.
    new SlowClient(test, `${withLength(9)}abc`)
    await until(() => test.decisions.length === 2)
    expect((await send(test.port, '/')).status).toBe(200)
    expect((await post(test)).body).toBe('all of it')
    expect(upstream.received.map(({ url }) => url)).toEqual(['/', '/quick'])
    slow.socket.write('defghi')
    await until(() => slow.text.endsWith('abcdefghi'))
    expect(slow.status).toBe(200)
  })

  it('goes on to the service once as much of it has come as is read ahead', async () => {
    const { upstream, test } = await start(4)
    const slow = new SlowClient(test, `${withLength(60_000)}${'a'.repeat(10_000)}`)
    await until(() => test.decisions.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(upstream.received).toHaveLength(0)
    slow.socket.write('b'.repeat(10_000))
    await until(() => upstream.received.length === 1)
    slow.socket.write('c'.repeat(40_000))
    await until(() => slow.text.endsWith('c'))
    expect(slow.text.split('\r\n\r\n')[1]).toBe('a'.repeat(10_000) + 'b'.repeat(10_000) + 'c'.repeat(40_000))
  })

  it('is 408 when it takes too long, and the service has not heard of it', async () => {
    const { upstream, test } = await start(1, { bodyIdleTicks: 4 })
    const slow = new SlowClient(test, `${withLength(9)}abc`)
    await until(() => slow.status !== 0)
    expect([slow.status, upstream.received.length]).toEqual([408, 0])
  })

  it('is not blamed on the service, however long it may wait for a connection', async () => {
    const { test } = await start(1, { queueTicks: 1, bodyIdleTicks: 1000 })
    const slow = new SlowClient(test, `${withLength(9)}abc`)
    await until(() => test.decisions.length === 1)
    // Fifty ticks; for a connection, and one to be made, half of that is waited.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    slow.socket.write('defghi')
    await until(() => slow.status !== 0)
    expect(slow.status).toBe(200)
  })

  it('is not sent for who may not ask any more', async () => {
    const { upstream, test } = await start(1)
    const slow = new SlowClient(test, `${withLength(9, 'Authorization: Bearer user\r\n')}abc`)
    await until(() => test.decisions.length === 1)
    test.gateway.endRevoked([{ kind: 'sid', value: 'sid-1', issued_before: null, expires_at: seconds(2_000_000_000) }])
    slow.socket.write('defghi')
    await until(() => slow.status !== 0)
    expect([slow.status, upstream.received.length]).toEqual([401, 0])
  })

  it('is not sent where its client has gone, and nobody waits for it any more', async () => {
    const { upstream, test } = await start(1, { drain: 5000 })
    const slow = new SlowClient(test, `${withLength(9)}abc`)
    await until(() => test.decisions.length === 1)
    slow.socket.destroy()
    await until(() => test.answers.length === 1)
    expect(test.answers).toMatchObject([{ status: 499 }])
    expect(upstream.received).toHaveLength(0)
    const began = performance.now()
    await test.gateway.close()
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('takes no place among the requests at a time either', async () => {
    const upstream = await startEcho()
    const service = { ...serviceAt(upstream.origin, 10), limits: { concurrency: 1 } }
    const test = await startGateway([service])
    stops.unshift(test.stop)
    new SlowClient(test, `${withLength(9)}abc`)
    await until(() => test.decisions.length === 1)
    expect((await send(test.port, '/')).status).toBe(200)
  })

  it('is not what a service is tried by that was away', async () => {
    const { port } = new URL(await findClosedOrigin())
    const tuning = { failures: 1, tick: 20 }
    const test = await startGateway([serviceAt(`http://127.0.0.1:${port}`, 10)], { tuning })
    stops.unshift(test.stop)
    expect((await send(test.port, '/')).status).toBe(502)
    const back = await startUpstream(undefined, Number(port))
    stops.push(back.stop)
    test.clock.advance(1.1)
    new SlowClient(test, `${withLength(9)}abc`)
    await until(() => test.decisions.length === 2)
    expect((await send(test.port, '/')).status).toBe(200)
  })

  it('goes to a service that is there when it has come, and not to one that was there before', async () => {
    const [dying, well] = [await startEcho(), await startEcho()]
    const test = await startGateway([{ ...serviceAt(dying.origin, 10), upstream: [dying.origin, well.origin] }], {
      tuning: { failures: 1 },
    })
    stops.unshift(test.stop)
    const slow = [1, 2].map(() => new SlowClient(test, `${withLength(9)}abc`))
    await until(() => test.decisions.length === 2)
    await dying.stop()
    for (let count = 0; count < 4; count += 1) expect((await send(test.port, '/')).status).toBe(200)
    for (const { socket } of slow) socket.write('defghi')
    await until(() => slow.every(({ status }) => status !== 0))
    expect(slow.map(({ status }) => status)).toEqual([200, 200])
  })

  it('that outlasts the end of the gateway leaves no error behind', async () => {
    const { test } = await start(1, { drain: 50 })
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => {
      unhandled.push(error)
    }
    process.on('unhandledRejection', hear)
    try {
      expect((await send(test.port, '/')).status).toBe(200)
      const slow = new SlowClient(test, `${withLength(9)}abc`)
      await until(() => test.decisions.length === 2)
      await test.gateway.close()
      slow.socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 100))
    } finally {
      process.off('unhandledRejection', hear)
    }
    expect(unhandled).toEqual([])
  })

  it('still gets to the service it was for when the routes change or the gateway closes meanwhile', async () => {
    const { test, upstream } = await start(1, { drain: 2000 })
    const next = await startEcho()
    const [one, two] = [1, 2].map(() => new SlowClient(test, `${withLength(9)}abc`)) as [SlowClient, SlowClient] // two
    await until(() => test.decisions.length === 2)
    test.gateway.replace(tableFor([serviceAt(next.origin, 1)]))
    one.socket.write('defghi')
    await until(() => one.status !== 0)
    const closed = test.gateway.close()
    two.socket.write('defghi')
    await until(() => two.status !== 0)
    await closed
    expect([one.status, two.status, upstream.received.length, next.received.length]).toEqual([200, 200, 2, 0])
  })
})

describe('bodies that go on as they come', () => {
  it('get to the service as they come, where they do not say how long they are', async () => {
    const { upstream, test } = await start(4)
    new SlowClient(test, inChunks)
    await until(() => upstream.received.length === 1)
  })

  it('have half of the connections at most, whoever sends them, and the other half is everybody’s', async () => {
    const { upstream, test } = await start(4)
    const slow = Array.from({ length: 8 }, (_, n) => new SlowClient(test, inChunksOf(`192.0.2.${n}`)))
    await until(() => test.decisions.length === 8)
    for (let count = 0; count < 10; count += 1) expect((await post(test)).status).toBe(200)
    expect(upstream.received.filter(isSlow)).toHaveLength(2)
    // One that goes away and one that ends make room for two of those that wait.
    slow.find((_, index) => index === 0)?.socket.destroy()
    await until(() => upstream.received.filter(isSlow).length === 3)
    for (const { socket } of slow.slice(1)) socket.write('0\r\n\r\n')
    await until(() => slow.slice(1).every(({ status }) => status === 200))
    expect(upstream.received.filter(isSlow).length).toBeGreaterThanOrEqual(8)
  })

  it('have an eighth where all are one client’s, who cannot have the half of the others either', async () => {
    const { upstream, test } = await start(16)
    const slow = Array.from({ length: 8 }, () => new SlowClient(test, inChunks))
    await until(() => upstream.received.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(upstream.received.filter(isSlow)).toHaveLength(2)
    const other = new SlowClient(test, inChunksOf('192.0.2.2'))
    await until(() => upstream.received.length === 3)
    for (const { socket } of [...slow, other]) socket.write('0\r\n\r\n')
    await until(() => [...slow, other].every(({ status }) => status === 200))
  })

  it('are 503 after a while where they get none', async () => {
    const { test } = await start(1, { queueTicks: 2, bodyIdleTicks: 1000 })
    const slow = Array.from({ length: 2 }, () => new SlowClient(test, `${inChunks}4e20\r\n${'a'.repeat(20_000)}\r\n`))
    await until(() => slow.some(({ status }) => status !== 0))
    expect(slow.map(({ status }) => status).sort()).toEqual([0, 503])
  })
})
