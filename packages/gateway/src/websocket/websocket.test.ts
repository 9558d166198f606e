import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { send, sendRaw, until } from '../fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway, tableFor } from '../fixtures/gateway-server.ts'
import { startRawUpstream, startUpstream } from '../fixtures/upstream.ts'
import {
  closeOf,
  openSocket,
  outcomeOf,
  type SocketService,
  startSocketService,
  takeUpgrades,
} from '../fixtures/websocket.ts'
import type { ForwardTuning } from '../forward/tuning.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const robots = [{ kind: 'client', value: 'robot', issued_before: null, expires_at: seconds(2_000_000_000) }] as const

async function startService(): Promise<SocketService> {
  const service = await startSocketService()
  closers.push(() => service.stop())
  return service
}

/** A gateway in front of it, on a server that hands over wishes for other protocols. */
async function startFront(origin: string, tuning: Partial<ForwardTuning> = {}): Promise<TestGateway> {
  const routes = [
    { path: '/live/**', require: { scopes: ['orders:read'] } },
    { path: '/open/**', require: 'nothing' },
    { path: '/posts', methods: ['POST'], require: 'nothing' },
  ] as const
  const test = await startGateway([{ name: 'orders', audience: 'https://orders.test', upstream: [origin], routes }], {
    tuning,
  })
  takeUpgrades(test)
  closers.push(() => test.stop())
  return test
}

function open(...asked: Parameters<typeof openSocket>): WebSocket {
  const socket = openSocket(...asked)
  closers.push(() => socket.terminate())
  return socket
}

const messageOf = (socket: WebSocket): Promise<Buffer> =>
  new Promise((resolve) => socket.once('message', (data) => resolve(data as Buffer)))

it('counts a handshake against a rate limit like any request', async () => {
  const service = await startService()
  const rate = [{ per: 'address', requests: 1, window: 60 }] as const
  const routes = [{ path: '/open/**', require: 'nothing', limits: { rate } }] as const
  const test = await startFront(service.origin)
  test.gateway.replace(
    tableFor([{ name: 'orders', audience: 'https://orders.test', upstream: [service.origin], routes }]),
  )
  expect(await outcomeOf(open(test, '/open/1'))).toBe('open')
  expect(await outcomeOf(open(test, '/open/2'))).toBe('429')
  expect(service.handshakes).toHaveLength(1)
})

describe('a WebSocket', () => {
  it('is joined with the service’s, both ways, and ends with either', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const socket = open(test, '/live/orders?since=3', 'reader', ['v2', 'v1'])
    expect(await outcomeOf(socket)).toBe('open')
    expect(socket.protocol).toBe('v2')
    for (const text of ['hello', 'x'.repeat(200_000)]) {
      const answer = messageOf(socket)
      socket.send(text)
      expect(String(await answer)).toBe(text)
    }
    const closed = closeOf(socket)
    for (const other of service.sockets.clients) other.close(4001, 'bye')
    expect(await closed).toEqual({ code: 4001, reason: 'bye' })
    const second = open(test, '/live/orders', 'reader')
    await outcomeOf(second)
    second.close()
    await until(() => service.sockets.clients.size === 0)
    await until(() => test.answers.filter(({ status }) => status === 101).length === 2)
  })

  it('reaches the service with who is calling, and without what the client says of that', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const socket = new WebSocket(`ws://127.0.0.1:${test.port}/live/orders?since=3`, {
      headers: {
        host: issuerHost,
        authorization: 'Bearer reader',
        X_Gatehouse_Subject: 'usr_boss',
        origin: 'https://a.test',
      },
    })
    closers.push(() => socket.terminate())
    expect(await outcomeOf(socket)).toBe('open')
    const [handshake] = service.handshakes
    expect(handshake?.url).toBe('/live/orders?since=3')
    const raw = handshake?.raw ?? []
    const headers = new Map(
      raw.flatMap((name, index) => (index % 2 ? [] : [[name.toLowerCase(), raw[index + 1] ?? '']])),
    )
    expect(headers.get('x-gatehouse-subject')).toMatch(/^usr_0123/)
    expect(headers.get('authorization')).toMatch(/^Bearer identity-of-/)
    expect(headers.get('origin')).toBe('https://a.test')
    expect(headers.has('x_gatehouse_subject')).toBe(false)
  })

  it.each([
    ['/live/orders', undefined, '401'],
    ['/live/orders', 'writer', '403'],
    ['/live/../open/x', 'reader', '400'],
    ['/live//orders', 'reader', '400'],
    ['/live/orders;x', 'reader', '400'],
    ['/nowhere', 'reader', '404'],
    ['/posts', 'reader', '405'],
    ['/live/orders?access_token=reader', 'reader', '400'],
  ])('is refused by the rules of any request: %s as %s is %s', async (path, token, status) => {
    const service = await startService()
    const test = await startFront(service.origin)
    const target = `GET ${path} HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
    const handshake = `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
    const { text, closed } = await sendRaw(test.port, `${target}${handshake}${authorization}\r\n`)
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(closed).toBe(true)
    expect(service.handshakes).toEqual([])
  })

  it('is not opened where bytes came along with the request: they would be a request that nobody has looked at', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const handshake = `GET /open/x HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`
    for (const more of ['\r\nGET /live/secret HTTP/1.1\r\nHost: auth.test\r\n\r\n', 'Content-Length: 4\r\n\r\nabcd']) {
      const { text, closed } = await sendRaw(test.port, handshake + more)
      expect([text.match(/HTTP\/1\.1 \d+/g), closed]).toEqual([['HTTP/1.1 400'], true])
    }
    expect(service.handshakes).toEqual([])
  })

  it('is not opened on a connection that owes an earlier answer: that is cut, and the process lives', async () => {
    const upstream = await startUpstream(() => undefined)
    closers.push(() => upstream.stop())
    const test = await startFront(upstream.origin)
    const wish = `Host: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    const before = `GET /open/slow HTTP/1.1\r\nHost: ${issuerHost}\r\n\r\n`
    expect(await sendRaw(test.port, `${before}GET /open/x HTTP/1.1\r\n${wish}`)).toEqual({ text: '', closed: true })
    expect((await send(test.port, '/nowhere')).status).toBe(404)
  })

  it('that is refused leaves no connection behind, whatever its client does with its end', async () => {
    const test = await startFront('http://127.0.0.1:9')
    const [taken, closed]: [Duplex[], Duplex[]] = [[], []]
    test.server.on('connection', (socket: Duplex) => {
      taken.push(socket)
      socket.once('close', () => closed.push(socket))
    })
    const wish = `GET /nowhere HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    const keeping = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true })
    closers.push(() => keeping.destroy())
    keeping.resume().on('error', () => undefined)
    keeping.write(wish)
    const talking = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true })
    closers.push(() => talking.destroy())
    talking.on('error', () => undefined).once('data', () => talking.end('more'))
    talking.write(wish)
    await until(() => taken.length === 2 && closed.length === 2)
  })

  it.each([
    ['h2c', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ'],
    ['another version', `Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==`],
    ['no key', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13'],
    ['two protocols', `Upgrade: websocket, h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==`],
  ])(
    'is not what a wish for %s becomes: it is served as a plain request, and the connection ends',
    async (_name, headers) => {
      const upstream = await startUpstream()
      closers.push(() => upstream.stop())
      const test = await startFront(upstream.origin)
      const { text, closed } = await sendRaw(
        test.port,
        `GET /open/x HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\n${headers}\r\n\r\n`,
      )
      expect([text.startsWith('HTTP/1.1 200'), closed]).toEqual([true, true])
      expect(upstream.received[0]?.headers.upgrade).toBeUndefined()
    },
  )

  it('is not what a wish for another protocol becomes, and an answer that is long comes whole', async () => {
    const length = 32 * 1024 * 1024
    const upstream = await startUpstream((_request, response) => response.end(Buffer.alloc(length)))
    closers.push(() => upstream.stop())
    const test = await startFront(upstream.origin, { tick: 50, stallTicks: 20 })
    const socket = connect(test.port, '127.0.0.1')
    closers.push(() => socket.destroy())
    socket.write(`GET /open/x HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`)
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined))
    expect(received).toBeGreaterThan(length)
  })

  it('that the service does not want is answered as the service says, and leaves no tunnel', async () => {
    const upstream = await startUpstream((_request, response) => response.writeHead(404).end('no such socket'))
    closers.push(() => upstream.stop())
    const test = await startFront(upstream.origin)
    expect(await outcomeOf(open(test, '/open/x'))).toBe('404')
    const later = await send(test.port, '/open/y')
    expect(later.status).toBe(404)
  })

  it('to a service that breaks off, or is away, is 502', async () => {
    const raw = await startRawUpstream((socket) => socket.destroy())
    closers.push(() => raw.stop())
    const test = await startFront(raw.origin)
    expect(await outcomeOf(open(test, '/open/x'))).toBe('502')
    await raw.stop()
    expect(await outcomeOf(open(test, '/open/x'))).toBe('502')
  })

  it('without a byte in either direction ends after a while, between two frames', async () => {
    const service = await startService()
    const test = await startFront(service.origin, { tick: 20, tunnelIdleTicks: 5 })
    const socket = open(test, '/open/x')
    await outcomeOf(socket)
    expect(await closeOf(socket)).toEqual({ code: 1001, reason: 'idle' })
    await until(() => service.sockets.clients.size === 0)
  })

  it('does not live on one way: where a side has ended and the other does not, both end soon', async () => {
    const upgrades: Duplex[] = []
    const upstream = await startUpstream()
    upstream.server.on('upgrade', (_request, socket) => {
      upgrades.push(socket.resume())
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    })
    closers.push(
      () => upstream.stop(),
      () => upgrades[0]?.destroy(),
    )
    const test = await startFront(upstream.origin)
    const socket = open(test, '/open/x')
    await outcomeOf(socket)
    socket.terminate()
    await until(() => test.answers.some(({ status }) => status === 101))
    await until(() => upgrades[0]?.destroyed === true || upgrades[0]?.readableEnded === true)
  })

  it('is not filled faster than its client reads', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const socket = open(test, '/open/x')
    await outcomeOf(socket)
    socket.pause()
    const before = process.memoryUsage().rss
    for (let round = 0; round < 100; round += 1) socket.send('push 1000000')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const [other] = service.sockets.clients
    expect(other?.bufferedAmount ?? 0).toBeGreaterThan(50_000_000)
    // What waits, waits at the service: here that is this very process.
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000)
    let received = 0
    socket.on('message', (data) => {
      received += (data as Buffer).length
    })
    socket.resume()
    await until(() => received === 100_000_000)
  })

  it('ends when its token is revoked, between two frames, and its client is told that it may not go on', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const [mine, other, nobodys] = [
      open(test, '/live/a', 'machine'),
      open(test, '/live/b', 'reader'),
      open(test, '/open/c'),
    ]
    await Promise.all([mine, other, nobodys].map(outcomeOf))
    const closed = closeOf(mine)
    let received = 0
    mine.on('message', (data) => {
      received += (data as Buffer).length
    })
    mine.send('push 30000000')
    await until(() => service.sockets.clients.size === 3)
    test.gateway.endRevoked(robots)
    expect(await closed).toEqual({ code: 1008, reason: 'session ended' })
    expect([0, 30_000_000]).toContain(received)
    await until(() => service.sockets.clients.size === 2)
    for (const socket of [other, nobodys]) {
      const answer = messageOf(socket)
      socket.send('still here')
      expect(String(await answer)).toBe('still here')
    }
  })

  it('is not opened where its token is revoked while the service thinks about it', async () => {
    const upgrades: Duplex[] = []
    const upstream = await startUpstream()
    upstream.server.on('upgrade', (_request, socket) => upgrades.push(socket))
    closers.push(
      () => upstream.stop(),
      () => upgrades[0]?.destroy(),
    )
    const test = await startFront(upstream.origin)
    const outcome = outcomeOf(open(test, '/live/a', 'machine'))
    await until(() => upgrades.length === 1)
    test.gateway.endRevoked(robots)
    upgrades[0]?.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    expect(await outcome).toBe('401')
    await until(() => upgrades[0]?.destroyed === true || upgrades[0]?.readableEnded === true)
  })

  it('ends when the gateway does, and its client is told so', async () => {
    const service = await startService()
    const test = await startFront(service.origin)
    const socket = open(test, '/open/x')
    await outcomeOf(socket)
    const closed = closeOf(socket)
    await test.gateway.close()
    expect(await closed).toEqual({ code: 1001, reason: 'stopping' })
  })
})
