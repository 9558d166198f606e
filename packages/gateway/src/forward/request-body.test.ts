import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { RequestBody } from './request-body.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A server that makes a body of each request, and clients that send as many pieces of one byte as they are told. */
async function start(length: number) {
  const bodies: RequestBody[] = []
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    const body = new RequestBody(request, length, 1_000_000, () => undefined)
    bodies.push(body)
    response.on('close', () => body.destroy())
    body.once('close', () => response.end('over'))
  }).listen(0, '127.0.0.1')
  await until(() => server.listening)
  stops.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const open = (begin: string) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(begin)).on('error', () => undefined)
    stops.push(() => socket.destroy())
    return socket
  }
  return { bodies, requests, open }
}

const inChunks = 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n'
const tiny = (count: number): string => '1\r\nx\r\n'.repeat(count)

it('keeps what is sent a byte at a time for little more than its bytes, while nobody reads it', async () => {
  const { bodies, open } = await start(-1)
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
  const { bodies, open } = await start(-1)
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

it('gives its connection back where it ends before it was read', async () => {
  const { bodies, requests, open } = await start(-1)
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
