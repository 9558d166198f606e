import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway } from '../fixtures/gateway-server.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import type { ForwardTuning } from './tuning.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function between(
  listener: Parameters<typeof startUpstream>[0],
  options: { body?: number; tuning?: Partial<ForwardTuning> } = {},
) {
  const upstream = await startUpstream(listener)
  const limits = options.body === undefined ? {} : { limits: { body: options.body } }
  const service = {
    name: 's',
    audience: 's',
    upstream: [upstream.origin],
    routes: [{ path: '/**', require: 'nothing' }],
  } as const
  const test = await startGateway([{ ...service, ...limits }], { tuning: options.tuning ?? {} })
  stops.push(test.stop, upstream.stop)
  return { upstream, test }
}

const megabyte = Buffer.alloc(1 << 20, 'm')
function* megabytes(count: number): Generator<Buffer> {
  for (let n = 0; n < count; n += 1) yield megabyte
}
/** How far the resident set rises above its start while something runs, in MiB. */
async function riseOf(run: () => Promise<void>): Promise<number> {
  const start = process.memoryUsage.rss()
  let highest = start
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss())
  }, 10)
  await run()
  clearInterval(timer)
  return (highest - start) / (1 << 20)
}

describe('an answer', () => {
  it('of 100 MB is streamed, also to a client that reads slowly, and not stored', async () => {
    const { test } = await between((_request, response) => {
      Readable.from(megabytes(100), { objectMode: false, highWaterMark: 1 << 20 }).pipe(response)
    })
    let bytes = 0
    const rise = await riseOf(
      () =>
        new Promise((resolve) => {
          request({ host: '127.0.0.1', port: test.port, headers: { host: 'auth.test' }, agent: false }, (response) => {
            response.on('data', (chunk: Buffer) => {
              bytes += chunk.length
              if (bytes % 7 === 0) {
                response.pause()
                setTimeout(() => response.resume(), 5)
              }
            })
            response.on('end', resolve)
          }).end()
        }),
    )
    expect(bytes).toBe(100 << 20)
    expect(rise).toBeLessThan(80)
  })

  it('that comes as events is not held back: headers before the first event, each event as it comes', async () => {
    let emit: (text: string) => void = () => undefined
    const { test } = await between((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      emit = (text) => response.write(text)
    })
    const got: string[] = []
    const socket = connect(test.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'))
    socket.on('data', (chunk) => got.push(chunk.toString()))
    await until(() => got.join('').includes('text/event-stream'))
    for (let n = 1; n <= 3; n += 1) {
      const began = performance.now()
      emit(`data: ${n}\n\n`)
      await until(() => got.join('').includes(`data: ${n}\n\n`))
      expect(performance.now() - began).toBeLessThan(100)
    }
    socket.destroy()
  })

  it('leaves in one write, headers and body', async () => {
    const { test } = await between((_request, response) => {
      response.writeHead(200, { 'content-length': 5 })
      response.end('hello')
    })
    const chunks: string[] = []
    const socket = connect(test.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'))
    socket.on('data', (chunk) => chunks.push(chunk.toString()))
    await until(() => chunks.join('').endsWith('hello'))
    expect(chunks).toHaveLength(1)
    socket.destroy()
  })

  it.each([204, 304, 200, 404])('of status %i to HEAD, or without a body, comes whole', async (status) => {
    const { test } = await between((_request, response) => {
      response.writeHead(status, { etag: '"a"', ...(status === 200 ? { 'content-length': 2 } : {}) })
      response.end(status === 200 ? 'ok' : undefined)
    })
    for (const method of ['GET', 'HEAD']) {
      const answer = await send(test.port, '/', { method })
      expect([answer.status, answer.headers.etag]).toEqual([status, '"a"'])
      expect(answer.body).toBe(status === 200 && method === 'GET' ? 'ok' : '')
    }
  })

  it('is broken off when the client does not take it', async () => {
    const { test } = await between(
      (_request, response) => {
        Readable.from(megabytes(50), { objectMode: false }).pipe(response)
      },
      { tuning: { tick: 50, stallTicks: 4 } },
    )
    const socket = connect(test.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'))
    socket.pause()
    socket.on('error', () => undefined)
    await until(() => test.answers.length === 1)
    socket.destroy()
  })

  it('is broken off also when all of it has come from the service and only the client does not take it', async () => {
    const { test } = await between((_request, response) => void response.end(megabyte.subarray(0, 10_000)), {
      tuning: { tick: 50, stallTicks: 4, queue: 3000 },
    })
    let closed = false
    test.server.on('connection', (accepted) => accepted.on('close', () => (closed = true)))
    // Small answers, so that each is handed over whole, until nothing more fits into the buffers on the way.
    const socket = connect(test.port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'.repeat(2000)),
    )
    socket.pause()
    socket.on('error', () => undefined)
    await until(() => closed)
    await until(() => test.answers.length === test.decisions.length)
    socket.destroy()
  })
})

describe('a request’s body', () => {
  it('arrives as it was sent, with its framing', async () => {
    const bodies: string[] = []
    const { upstream, test } = await between((incoming, response) => {
      const hash = createHash('sha256')
      incoming.on('data', (chunk: Buffer) => hash.update(chunk))
      incoming.on('end', () => {
        bodies.push(hash.digest('hex'))
        response.end()
      })
    })
    const body = Buffer.concat([...megabytes(5)])
    const sum = createHash('sha256').update(body).digest('hex')
    await send(test.port, '/', { method: 'POST', body, headers: { 'content-length': String(body.length) } })
    await send(test.port, '/', { method: 'PUT', body, headers: { 'transfer-encoding': 'chunked' } })
    await send(test.port, '/', { method: 'DELETE', body: 'abc', headers: { 'content-length': '3' } })
    await send(test.port, '/', { method: 'GET', body: 'abc', headers: { 'content-length': '3' } })
    await send(test.port, '/', { method: 'POST', headers: { 'content-length': '0' } })
    const abc = createHash('sha256').update('abc').digest('hex')
    expect(bodies).toEqual([sum, sum, abc, abc, createHash('sha256').digest('hex')])
    const framing = upstream.received.map(({ headers }) => headers['content-length'] ?? headers['transfer-encoding'])
    expect(framing).toEqual([String(body.length), 'chunked', '3', '3', '0'])
  })

  it('of 100 MB is streamed to a service that reads slowly, and not stored', async () => {
    let bytes = 0
    const { test } = await between(
      (incoming, response) => {
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes % 5 === 0) {
            incoming.pause()
            setTimeout(() => incoming.resume(), 5)
          }
        })
        incoming.on('end', () => response.end('ok'))
      },
      { body: 200 << 20 },
    )
    const rise = await riseOf(
      () =>
        new Promise((resolve) => {
          const headers = { host: 'auth.test' }
          const outgoing = request(
            { host: '127.0.0.1', port: test.port, method: 'POST', headers, agent: false },
            (response) => {
              response.resume()
              response.on('end', resolve)
            },
          )
          Readable.from(megabytes(100), { objectMode: false, highWaterMark: 1 << 20 }).pipe(outgoing)
        }),
    )
    expect(bytes).toBe(100 << 20)
    expect(rise).toBeLessThan(80)
  })

  it('is not taken from the client faster than the service takes it', async () => {
    let goOn: () => void = () => undefined
    const { test } = await between(
      (incoming, response) => {
        goOn = () => incoming.resume()
        incoming.on('end', () => response.end('ok'))
      },
      { body: 200 << 20 },
    )
    let sent = 0
    function* counted(): Generator<Buffer> {
      for (const chunk of megabytes(100)) {
        sent += 1
        yield chunk
      }
    }
    const headers = { host: 'auth.test' }
    const answered = new Promise<number>((resolve) => {
      const options = { host: '127.0.0.1', port: test.port, method: 'POST', headers, agent: false }
      const outgoing = request(options, (response) => resolve(response.resume().statusCode ?? 0))
      Readable.from(counted(), { objectMode: false, highWaterMark: 1 << 20 }).pipe(outgoing)
    })
    await new Promise((resolve) => setTimeout(resolve, 700))
    // What the kernel's buffers hold, and no more.
    expect(sent).toBeLessThan(40)
    goOn()
    expect(await answered).toBe(200)
  })

  it('that is refused while it still comes does not cost the client the answer', async () => {
    const { test } = await between(undefined, { body: 1000 })
    const socket = connect(test.port, '127.0.0.1')
    let text = ''
    let failure: Error | undefined
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.on('error', (error) => {
      failure = error
    })
    socket.write(`POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: ${8 << 20}\r\n\r\n`)
    for (const chunk of megabytes(8)) socket.write(chunk)
    await new Promise((resolve) => socket.on('close', resolve))
    expect(failure).toBeUndefined()
    expect(text).toMatch(/^HTTP\/1\.1 413 [\s\S]*payload_too_large/)
  })

  it('whose length is over the limit is 413 before the service hears of it', async () => {
    const { upstream, test } = await between(undefined, { body: 1000 })
    const answer = await send(test.port, '/', { method: 'POST', body: Buffer.alloc(1001) })
    expect(answer.status).toBe(413)
    expect(answer.headers.connection).toBe('close')
    const large = await send(test.port, '/', { method: 'POST', body: Buffer.concat([...megabytes(3)]) })
    expect(large.status).toBe(413)
    expect(upstream.received).toHaveLength(0)
    expect((await send(test.port, '/', { method: 'POST', body: Buffer.alloc(1000) })).status).toBe(200)
  })

  it('that turns out too long is 413, and the service never gets a whole request', async () => {
    let whole = 0
    let bytes = 0
    let broken = false
    const { upstream, test } = await between(
      (incoming, response) => {
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        incoming.on('error', () => {
          broken = true
        })
        incoming.on('end', () => {
          whole += 1
          response.end()
        })
      },
      { body: 100_000 },
    )
    const headers = { 'transfer-encoding': 'chunked' }
    const socket = connect(test.port, '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nHost: auth.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
    )
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    await until(() => bytes === 5)
    socket.write(`${(200_000).toString(16)}\r\n${'x'.repeat(200_000)}\r\n0\r\n\r\n`)
    await until(() => text.includes('payload_too_large') && socket.readableEnded)
    await until(() => broken)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(bytes).toBeLessThanOrEqual(100_000)
    expect((await send(test.port, '/', { method: 'POST', headers, body: Buffer.alloc(200_000) })).status).toBe(413)
    expect(whole).toBe(0)
    expect(upstream.received.length).toBeGreaterThan(0)
  })

  it('that turns out too long is 413 also to a client that goes on sending before it reads', async () => {
    const { test } = await between((incoming) => incoming.on('error', () => undefined).resume(), { body: 100_000 })
    const chunk = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`
    const socket = connect(test.port, '127.0.0.1', () =>
      socket.write(`POST / HTTP/1.1\r\nHost: auth.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`),
    )
    let text = ''
    socket
      .on('error', () => undefined)
      .on('data', (data) => {
        text += data.toString()
      })
    socket.pause()
    await until(() => test.log.length === 1)
    for (let times = 0; times < 5; times += 1) {
      socket.write(chunk)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    socket.resume()
    await until(() => socket.readableEnded || socket.destroyed)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('that does not come is 408, and frees the service', async () => {
    const { test } = await between((incoming) => incoming.on('error', () => undefined).resume(), {
      tuning: { tick: 50, bodyIdleTicks: 4 },
    })
    const socket = connect(test.port, '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: 9\r\n\r\nabc'),
    )
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    await until(() => text.includes('request_timeout'))
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
    socket.destroy()
  })

  it('that trickles is 408 as well, and one that the service keeps waiting is not', async () => {
    const { test } = await between(
      (incoming, response) => {
        if (incoming.url === '/slow-service')
          setTimeout(() => incoming.on('end', () => response.end('ok')).resume(), 600)
        else incoming.on('error', () => undefined).resume()
      },
      { tuning: { tick: 50, bodyIdleTicks: 4, minimumRate: 1000 } },
    )
    const socket = connect(test.port, '127.0.0.1', () =>
      socket.write('POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: 1000\r\n\r\n'),
    )
    socket.on('error', () => undefined)
    const trickle = setInterval(() => socket.write('a'), 20)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    await until(() => text.includes('request_timeout'))
    clearInterval(trickle)
    socket.destroy()
    const body = Buffer.concat([...megabytes(9)])
    expect((await send(test.port, '/slow-service', { method: 'POST', body })).status).toBe(200)
  })

  it('waits for 100 Continue where the client says so', async () => {
    const { upstream, test } = await between((incoming, response) => {
      incoming.resume()
      incoming.on('end', () => response.end('ok'))
    })
    const status = await new Promise<number>((resolve) => {
      const headers = { host: 'auth.test', expect: '100-continue', 'content-length': '3' }
      const outgoing = request(
        { host: '127.0.0.1', port: test.port, method: 'POST', headers, agent: false },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      outgoing.on('continue', () => outgoing.end('abc'))
      outgoing.flushHeaders()
    })
    expect(status).toBe(200)
    expect(upstream.received[0]?.headers.expect).toBeUndefined()
  })
})
