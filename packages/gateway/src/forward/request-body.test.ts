import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectByTls } from 'node:tls'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { cert, key } from '../fixtures/http2-front.ts'
import { RequestBody } from './request-body.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A server that makes a body of each request, and clients that send what they are told. */
async function start(length = -1, by: 'http' | 'https' = 'http') {
  const bodies: RequestBody[] = []
  const requests: IncomingMessage[] = []
  const listener: RequestListener = (request, response) => {
    requests.push(request)
    const body = new RequestBody(request, length, 100_000_000, () => undefined)
    bodies.push(body)
    response.on('close', () => body.destroy())
    body.once('close', () => response.end('over'))
  }
  const server = (by === 'http' ? createServer(listener) : createTlsServer({ key, cert }, listener)).listen(
    0,
    '127.0.0.1',
  )
  await until(() => server.listening)
  stops.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const open = (begin: string) => {
    const to = { port, host: '127.0.0.1' }
    const socket = by === 'http' ? connect(to) : connectByTls({ ...to, rejectUnauthorized: false })
    socket.on('error', () => undefined).write(begin)
    stops.push(() => socket.destroy())
    return socket
  }
  return { bodies, requests, open }
}

const inChunks = 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n'
const tiny = (count: number): string => '1\r\nx\r\n'.repeat(count)

it('keeps what is sent a byte at a time for little more than its bytes, while nobody reads it', async () => {
  const { bodies, open } = await start()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 20; count += 1) open(inChunks + tiny(60_000))
  // Each is held back as soon as it has more than is read ahead, and not in the middle of what has been read by then.
  await until(() => bodies.length === 20 && bodies.every((body) => !body.isArriving))
  await new Promise((resolve) => setTimeout(resolve, 300))
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000)
  expect(bodies.every((body) => body.hasEnough && !body.isWhole)).toBe(true)
})

it('is read whole and in order all the same, however often it was held back', async () => {
  const { bodies, open } = await start()
  const text = Array.from({ length: 200_000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('')
  const chunks = Array.from(
    { length: text.length / 5 },
    (_, index) => `5\r\n${text.slice(index * 5, index * 5 + 5)}\r\n`,
  )
  open(`${inChunks}${chunks.join('')}0\r\n\r\n`)
  await until(() => bodies[0]?.isArriving === false)
  let read = ''
  for await (const piece of bodies[0] ?? []) {
    read += String(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(read === text).toBe(true)
})

const withLength = (length: number): string => `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\n`
const inChunksOf = (size: number, bytes: number): string =>
  `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`.repeat(bytes / size)
const longBody = 30_000_000

it.each([
  ['in chunks of 100 bytes', 'http', -1, inChunks + inChunksOf(100, longBody)],
  ['in chunks of 1,000 bytes', 'http', -1, inChunks + inChunksOf(1000, longBody)],
  ['in chunks of 64 KiB', 'http', -1, inChunks + inChunksOf(65_536, 65_536 * 400)],
  ['of a length that it says', 'http', longBody, withLength(longBody) + 'x'.repeat(longBody)],
  ['of a length that it says, over TLS', 'https', longBody, withLength(longBody) + 'x'.repeat(longBody)],
  ['in chunks, over TLS', 'https', -1, inChunks + inChunksOf(1000, longBody)],
] as const)('stays with its client while nobody reads it: one %s', async (_, by, length, text) => {
  const { bodies, requests, open } = await start(length, by)
  open(text)
  await until(() => bodies[0]?.isArriving === false)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(requests[0]?.socket.bytesRead).toBeLessThan(500_000)
  const { length: came } = (await bodies[0]?.iterator().next())?.value ?? {}
  expect(came).toBeGreaterThan(0)
})

it('is held back by itself alone: one that is pipelined behind it does not go on by its end', async () => {
  const { bodies, requests, open } = await start()
  open(`${inChunks}${inChunksOf(1000, 20_000)}0\r\n\r\n${inChunks}${inChunksOf(1000, longBody)}`)
  await until(() => bodies.length === 2 && bodies[1]?.isArriving === false)
  bodies[0]?.resume()
  await until(() => bodies[0]?.readableEnded === true)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(requests[0]?.socket.bytesRead).toBeLessThan(500_000)
})

it('gives its connection back where it ends before it was read', async () => {
  const { bodies, requests, open } = await start()
  let answers = ''
  const socket = open(`${inChunks}${tiny(60_000)}0\r\n\r\n`)
  socket.on('data', (chunk) => {
    answers += chunk.toString()
  })
  await until(() => bodies[0]?.isArriving === false)
  socket.write('GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n')
  bodies[0]?.destroy()
  await until(() => requests.length === 2)
  bodies[1]?.destroy()
  await until(() => answers.split('over').length === 3)
})
