import { createServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { issuerHost, startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { buildSelfSigned } from '../fixtures/self-signed.ts'
import { startRawUpstream } from '../fixtures/upstream.ts'
import { takeUpgrades } from '../fixtures/websocket.ts'
import { serverOptions } from '../server-options.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const answers: Readonly<Record<string, string>> = {
  agrees: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  streams: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
  plain: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
}

/** A service that answers after a moment what the path says, ends nothing by itself, and a gateway with three places for it. */
async function start(): Promise<{ test: TestGateway; asked: Socket[]; isServing: () => boolean }> {
  // Connections that a request has come on: others are the pool's, for whoever comes next.
  const asked: Socket[] = []
  const service = await startRawUpstream((socket, chunk) => {
    if (!asked.includes(socket)) asked.push(socket)
    const answer = answers[/^GET \/open\/(\w+)/.exec(chunk.toString('latin1'))?.[1] ?? '']
    if (answer !== undefined) setTimeout(() => socket.write(answer), 40)
  })
  const routes = [{ path: '/open/**', require: 'nothing', limits: { concurrency: 3 } }] as const
  const test = await startGateway([
    { name: 'orders', audience: 'https://orders.test', upstream: [service.origin], routes },
  ])
  takeUpgrades(test)
  closers.push(
    () => service.stop(),
    () => test.stop(),
  )
  return { test, asked, isServing: () => asked.some(({ destroyed }) => !destroyed) }
}

const handshake = (kind: string): string =>
  `GET /open/${kind} HTTP/1.1\r\nHost: ${issuerHost}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`

const later = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** How a client goes, whose handshake is sent. */
const ways: Readonly<Record<string, (socket: Socket, handshake: string) => unknown>> = {
  'ends its side with it': (socket, bytes) => socket.end(bytes),
  'ends and closes at once': (socket, bytes) => {
    socket.end(bytes)
    setTimeout(() => socket.destroy(), 0)
  },
  'ends its side a moment later': async (socket, bytes) => {
    socket.write(bytes)
    await later(10)
    socket.end()
  },
  'resets a moment later': async (socket, bytes) => {
    socket.write(bytes)
    await later(10)
    socket.resetAndDestroy()
  },
  // Unread, what it says would stand before its end for ever.
  'talks on and ends': async (socket, bytes) => {
    socket.write(bytes)
    await later(10)
    socket.end(Buffer.alloc(200_000))
  },
}

describe.each(Object.keys(answers).slice(0, 2))('a client that goes before a service that %s has answered', (kind) => {
  it.each(Object.entries(ways))('and %s leaves no connection and no place taken', async (_name, go) => {
    const { test, isServing } = await start()
    const taken: Socket[] = []
    test.server.on('connection', (socket: Socket) => taken.push(socket))
    for (let round = 0; round < 6; round += 1) {
      const socket = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true })
      closers.push(() => socket.destroy())
      socket.on('error', () => undefined).resume()
      await go(socket, handshake(kind))
      await until(() => taken.length === round + 1)
      await until(() => taken.every(({ destroyed }) => destroyed))
    }
    await later(60)
    await until(() => !isServing())
    const after = await Promise.all(Array.from({ length: 3 }, () => send(test.port, '/open/plain')))
    expect(after.map(({ status }) => status)).toEqual([200, 200, 200])
  })
})

it('hears over TLS too that its client has gone', async () => {
  const { test, asked, isServing } = await start()
  const server = createServer({ ...serverOptions, ...buildSelfSigned(issuerHost) })
  takeUpgrades({ server, gateway: test.gateway })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  for (const kind of ['agrees', 'streams', 'agrees', 'streams']) {
    const { port } = server.address() as AddressInfo
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    closers.push(() => socket.destroy())
    socket.on('error', () => undefined).resume()
    socket.write(handshake(kind))
    await until(isServing)
    socket.end()
    await until(() => !isServing())
  }
  expect(asked).toHaveLength(4)
})

it('keeps an answer that is whole for a client that has ended its side', async () => {
  const { test } = await start()
  const socket = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true })
  closers.push(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
  })
  socket.end(handshake('x').replace('/open/x', '/nowhere'))
  await new Promise((resolve) => socket.on('close', resolve).on('end', resolve))
  expect(text).toMatch(/^HTTP\/1\.1 404 /)
})
