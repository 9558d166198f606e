import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { createOutbound, type KeepingOutbound, type Outbound, type OutboundRequest } from './outbound.ts'

const request: OutboundRequest = { accept: ['application/json'], limitBytes: 1000, timeoutMs: 500 }
const post: OutboundRequest = { ...request, method: 'POST', body: 'code=1' }

/** Each request's connection, by the order in which they were opened. */
const seen: number[] = []
const connections: Socket[] = []
const usual = (_: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
}
let answer = usual
const server = createServer((incoming, response) => {
  seen.push(connections.indexOf(incoming.socket))
  answer(incoming, response)
})
server.keepAliveTimeout = 0
server.on('connection', (socket) => connections.push(socket))

let url = ''
let leadsTo: string
let outbound: Outbound
let way: KeepingOutbound
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  url = `http://login.example:${(server.address() as AddressInfo).port}/` // it listens at a port
})
beforeEach(() => {
  seen.length = 0
  connections.length = 0
  answer = usual
  leadsTo = '127.0.0.1'
  const resolve = async () => leadsTo.split(' ').map((address) => ({ address, family: 4 }))
  outbound = createOutbound({ allowLoopback: true, resolve })
  way = outbound.keeping()
})
afterEach(() => outbound.close())
afterAll(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error: { reason?: unknown }) => error.reason,
  )
/** Until the server has seen a connection end. */
const ended = (index: number): Promise<unknown> => vi.waitFor(() => expect(connections[index]?.destroyed).toBe(true))

it('keeps a connection between requests, and none for whoever may be named by strangers', async () => {
  for (const each of [request, post, request]) await way.fetch(url, each)
  expect(seen).toEqual([0, 0, 0])
  await outbound.fetch(url, request)
  await outbound.fetch(url, request)
  expect(seen).toEqual([0, 0, 0, 1, 2])
})

it('shares no connection between two destinations, though they have one address', async () => {
  await way.fetch(url, request)
  await outbound.keeping().fetch(url, request)
  expect(seen).toEqual([0, 1])
})

it('uses a connection for the addresses alone that it was opened for', async () => {
  await way.fetch(url, request)
  leadsTo = '127.0.0.2'
  await way.fetch(url, request)
  expect(seen).toEqual([0, 1])
  expect(connections[1]?.localAddress).toBe('127.0.0.2')
  leadsTo = '127.0.0.1'
  await way.fetch(url, request)
  expect(seen).toEqual([0, 1, 0])
  leadsTo = '127.0.0.2 127.0.0.1'
  await way.fetch(url, request)
  leadsTo = '127.0.0.1 127.0.0.2'
  await way.fetch(url, request)
  expect(seen).toEqual([0, 1, 0, 2, 2])
})

it('checks the addresses of each request, whatever connections there are', async () => {
  await way.fetch(url, request)
  leadsTo = '10.0.0.1'
  expect(await reasonOf(way.fetch(url, request))).toBe('address_not_allowed')
  leadsTo = '127.0.0.1 169.254.169.254'
  expect(await reasonOf(way.fetch(url, { ...request, allowsPrivate: true }))).toBe('address_not_allowed')
  expect(seen).toEqual([0])
})

it.each([
  ['GET', request],
  ['POST', post],
])('sends a %s once more where the kept connection has been closed meanwhile', async (_, again) => {
  await way.fetch(url, request)
  answer = (incoming, response) => (seen.length === 2 ? incoming.socket.destroy() : usual(incoming, response))
  expect((await way.fetch(url, again)).status).toBe(200)
  expect(seen).toEqual([0, 0, 1])
})

it('sends nothing a third time, and nothing a second time over a new connection', async () => {
  answer = (incoming) => incoming.socket.destroy()
  expect(await reasonOf(way.fetch(url, request))).toBe('unreachable')
  expect(seen).toEqual([0])
  answer = usual
  await Promise.all([way.fetch(url, request), way.fetch(url, request)])
  answer = (incoming) => incoming.socket.destroy()
  expect(await reasonOf(way.fetch(url, request))).toBe('unreachable')
  expect([seen.length, seen.at(-1)]).toEqual([5, 3])
})

it('sends nothing twice of which an answer has begun', async () => {
  await way.fetch(url, request)
  answer = ({ socket }) => socket.write('HTTP/1.1 200', () => socket.destroy())
  expect(await reasonOf(way.fetch(url, post))).toBe('unreachable')
  answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 9 })
    response.write('{', () => response.destroy())
  }
  expect(await reasonOf(way.fetch(url, post))).toBe('unreachable')
  expect(seen).toEqual([0, 0, 1])
})

it('ends a connection on which an answer was not read to its end', async () => {
  answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
  expect(await reasonOf(way.fetch(url, request))).toBe('wrong_type')
  await ended(0)
  answer = () => {}
  expect(await reasonOf(way.fetch(url, request))).toBe('timeout')
  await ended(1)
  answer = usual
  await way.fetch(url, request)
  expect(seen).toEqual([0, 1, 2])
})

it('keeps few that lie idle, and none for long', async () => {
  await Promise.all(Array.from({ length: 6 }, () => way.fetch(url, request)))
  expect(seen).toEqual([0, 1, 2, 3, 4, 5])
  await vi.waitFor(() => expect(connections.filter(({ destroyed }) => destroyed)).toHaveLength(2))
  const passed = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 600_001)
  for (let left = 4; left > 0; left -= 1) {
    await way.fetch(url, request)
    await vi.waitFor(() => expect(connections.filter(({ destroyed }) => destroyed)).toHaveLength(7 - left))
  }
  await way.fetch(url, request)
  passed.mockRestore()
  expect(seen.at(-1)).toBe(6)
})

it('ends what lies idle once it is closed, and keeps nothing from then on', async () => {
  await way.fetch(url, request)
  way.close()
  await ended(0)
  await way.fetch(url, request)
  await way.fetch(url, request)
  expect(seen).toEqual([0, 1, 2])
  const other = outbound.keeping()
  answer = (incoming, response) => {
    other.close()
    usual(incoming, response)
  }
  expect((await other.fetch(url, request)).status).toBe(200)
  await ended(3)
})

it('ends with the way out', async () => {
  const other = outbound.keeping()
  await other.fetch(url, request)
  outbound.close()
  await ended(0)
  expect(await reasonOf(other.fetch(url, request))).toBe('closed')
})
