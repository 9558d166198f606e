import type { ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createFrontServer } from './server.ts'

const servers: ReturnType<typeof createFrontServer>[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** Sends raw text to a front server and answers with everything that comes back until the connection ends or time is up. */
async function converse(
  text: string,
  answerAfter = 0,
  begin: (response: ServerResponse) => void = () => {},
): Promise<{ readonly received: string; readonly handled: number }> {
  let handled = 0
  const server = createFrontServer(
    (_request, response) => {
      handled += 1
      begin(response)
      setTimeout(() => response.end('plain'), answerAfter)
    },
    () => {},
  )
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.write(text)
  await new Promise<void>((done) => {
    socket.on('close', () => done())
    socket.on('error', () => done())
    setTimeout(done, 500)
  })
  socket.destroy()
  return { received, handled }
}

it('serves a request that wishes for another protocol as a plain one', async () => {
  for (const protocol of ['h2c', 'websocket', 'TLS/1.0']) {
    const { received } = await converse(
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AA\r\n\r\n`,
    )
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/)
  }
})

it('speaks no HTTP/2 without TLS, whoever knows of it beforehand', async () => {
  const { received, handled } = await converse('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request/)
  expect(handled).toBe(0)
})

it('ends a connection whose request was answered before its body had come', async () => {
  const { received } = await converse('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
  expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i)
})

it('ends a connection too whose request expects what nobody knows, and whose body has not come', async () => {
  const { received, handled } = await converse(
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 3\r\n\r\n',
  )
  expect(received).toMatch(/^HTTP\/1\.1 417 Expectation Failed\r\n(?:.*\r\n)*connection: close\r\n/i)
  expect(handled).toBe(0)
})

it('cuts a connection that has too many behind an answer that is the last, as any other', async () => {
  const { received, handled } = await converse(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100)}`,
    300,
    (response) => response.flushHeaders(),
  )
  expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i)
  expect([received.includes('plain'), handled]).toEqual([false, 1])
})

it('answers requests that come together in their order, and cuts a connection that has too many under way', async () => {
  const one = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const few = await converse(one.repeat(20), 20)
  expect([few.handled, few.received.match(/200 OK/g)?.length]).toEqual([20, 20])
  const many = await converse(one.repeat(1000), 300)
  expect(many.handled).toBeLessThanOrEqual(33)
  expect(many.received).toBe('')
})
