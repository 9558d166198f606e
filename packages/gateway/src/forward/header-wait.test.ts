import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { startGateway } from '../fixtures/gateway-server.ts'
import { startRawUpstream } from '../fixtures/upstream.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A gateway whose service, which takes what comes and says nothing, has 300 ms for headers. */
async function startFront() {
  const upstream = await startRawUpstream((socket) => socket.resume())
  closers.push(() => upstream.stop())
  const routes = [{ path: '/**', require: 'nothing' }] as const
  const timeouts = { headers: 0.3 }
  const test = await startGateway([{ name: 's', audience: 's', upstream: [upstream.origin], timeouts, routes }])
  closers.push(() => test.stop())
  return test
}

/** Sends a request; when its answer came, in milliseconds, and what it was. */
function ask(port: number, bytes: string) {
  const startedAt = performance.now()
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  closers.push(() => socket.destroy())
  const answer = { text: '', after: 0, socket }
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    answer.text += chunk.toString()
    answer.after ||= performance.now() - startedAt
  })
  return answer
}

describe('the wait for headers', () => {
  it('ends for each request in its own time, and not for all of half a second at once', async () => {
    const test = await startFront()
    const answers: ReturnType<typeof ask>[] = []
    const begunAt = performance.now()
    const times: number[] = []
    for (let index = 0; index < 20; index += 1) {
      const answer = ask(test.port, 'GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n')
      answer.socket.once('data', () => times.push(performance.now() - begunAt))
      answers.push(answer)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await until(() => times.length === 20)
    expect(answers.every(({ text }) => text.startsWith('HTTP/1.1 504 '))).toBe(true)
    const steps = new Set(times.map((time) => Math.floor(time / 100)))
    expect(steps.size).toBeGreaterThanOrEqual(3)
  })

  it('does not end while the client still sends its body, and begins when that is over', async () => {
    const test = await startFront()
    const answer = ask(test.port, 'POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: 10\r\n\r\n')
    for (let sent = 0; sent < 10; sent += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(answer.text).toBe('')
      answer.socket.write('x')
    }
    await until(() => answer.text !== '')
    expect(answer.text).toMatch(/^HTTP\/1\.1 504 /)
    expect(answer.after).toBeGreaterThan(1200)
  })

  it('ends where the service takes no more of a body', async () => {
    const upstream = await startRawUpstream((socket) => socket.pause())
    closers.push(() => upstream.stop())
    const routes = [{ path: '/**', require: 'nothing', limits: { body: 1 << 30 } }] as const
    const timeouts = { headers: 0.3 }
    const test = await startGateway([{ name: 's', audience: 's', upstream: [upstream.origin], timeouts, routes }])
    closers.push(() => test.stop())
    const length = 64 << 20
    const answer = ask(test.port, `POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: ${length}\r\n\r\n`)
    answer.socket.once('connect', () => answer.socket.write(Buffer.alloc(length)))
    await until(() => answer.text !== '')
    expect(answer.text).toMatch(/^HTTP\/1\.1 504 /)
  })
})
