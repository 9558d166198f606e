import { request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { send, sendRaw, until } from '../fixtures/client.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { findClosedOrigin, startRawUpstream, startUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'
import type { ForwardTuning } from './tuning.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function gatewayFor(
  origins: string | string[],
  more: Partial<ServiceDefinition> = {},
  tuning: Partial<ForwardTuning> = {},
): Promise<TestGateway> {
  const upstream = [origins].flat()
  const routes = [{ path: '/**', require: 'optional' }] as const
  const test = await startGateway([{ name: 's', audience: 's', upstream, routes, ...more }], { tuning })
  stops.unshift(test.stop)
  return test
}

async function rawUpstream(onData: Parameters<typeof startRawUpstream>[0]) {
  const upstream = await startRawUpstream(onData)
  stops.push(upstream.stop)
  return upstream
}

describe('an upstream that', () => {
  it('is not there: 502, under an id that the log explains', async () => {
    const test = await gatewayFor(await findClosedOrigin())
    const answer = await send(test.port, '/')
    expect(answer.status).toBe(502)
    expect(answer.body).not.toContain('ECONNREFUSED')
    const id = JSON.parse(answer.body).decision_id
    expect(test.log.find((entry) => entry.decision_id === id)).toMatchObject({ code: 'bad_gateway', route: 's /**' })
    expect(test.log[0]?.reason).toContain('ECONNREFUSED')
    await until(() => test.answers.length === 1)
    expect(test.answers[0]).toMatchObject({ route: 's /**', status: 502 })
    expect(test.decisions).toEqual([{ route: 's /**', outcome: 'allowed' }])
  })

  it('does not accept the connection in time: 504', async () => {
    // An address that is set aside for documentation and answers nobody; where a network says so at once, that is 502.
    const test = await gatewayFor('http://192.0.2.1:9', { timeouts: { connect: 0.2 } })
    const began = performance.now()
    expect([502, 504]).toContain((await send(test.port, '/')).status)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('never answers: 504 after the time for headers', async () => {
    const upstream = await rawUpstream(() => undefined)
    const test = await gatewayFor(upstream.origin, { timeouts: { headers: 0.3 } })
    const began = performance.now()
    expect((await send(test.port, '/')).status).toBe(504)
    expect(performance.now() - began).toBeGreaterThan(250)
    expect(performance.now() - began).toBeLessThan(1300)
  })

  it.each([
    ['closes the connection', ''],
    ['speaks something else', 'SSH-2.0-OpenSSH_9\r\n'],
    ['breaks off within the headers', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['sends two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    ['sends length and coding', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['sends a coding that cannot be forwarded', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nxx'],
    ['upgrades unasked', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'],
    ['sends headers without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`],
  ])('%s: 502', async (_what, bytes) => {
    const upstream = await rawUpstream((socket) => socket.end(bytes))
    const test = await gatewayFor(upstream.origin)
    expect((await send(test.port, '/')).status).toBe(502)
  })

  it('sends informational answers first: only the final one is forwarded', async () => {
    const upstream = await rawUpstream((socket) =>
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
    )
    const test = await gatewayFor(upstream.origin)
    const answer = await send(test.port, '/')
    expect([answer.status, answer.body, answer.headers.link]).toEqual([200, 'ok', undefined])
  })

  it('says in a 304 how long the body would be: the client gets that, and its connection lives on', async () => {
    const upstream = await rawUpstream((socket) =>
      socket.write('HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'),
    )
    const test = await gatewayFor(upstream.origin)
    const { text, closed } = await sendRaw(test.port, 'GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'.repeat(2))
    expect(text.match(/^HTTP\/1\.1 304 /gm)).toHaveLength(2)
    expect(text.match(/^content-length: 5\r$/gim)).toHaveLength(2)
    expect([closed, test.log]).toEqual([false, []])
  })

  it('sends trailers: they are dropped', async () => {
    const upstream = await rawUpstream((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n2\r\nok\r\n0\r\nx-a: 1\r\n\r\n',
      ),
    )
    const test = await gatewayFor(upstream.origin)
    const { text } = await sendRaw(test.port, 'GET / HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n')
    expect(text).toContain('2\r\nok\r\n0\r\n\r\n')
    expect(text.toLowerCase()).not.toContain('x-a')
  })

  it.each([
    ['chunked', 'transfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n'],
    ['of known length', 'content-length: 100\r\n\r\nbegun'],
  ])('breaks off within a body %s: the client’s connection breaks, no answer looks whole', async (_what, bytes) => {
    const upstream = await rawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${bytes}`)
      setTimeout(() => socket.destroy(), 50)
    })
    const test = await gatewayFor(upstream.origin)
    await expect(send(test.port, '/')).rejects.toThrow()
    await until(() => test.log.length === 1)
    const { text, closed } = await sendRaw(test.port, 'GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n', 1000)
    expect(text).toContain('begun')
    expect(text).not.toContain('\r\n0\r\n\r\n')
    expect(closed).toBe(true)
  })

  it('stops within a body: the client’s connection breaks after the idle time', async () => {
    const upstream = await rawUpstream((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun'))
    const test = await gatewayFor(upstream.origin, { timeouts: { idle: 0.3 } })
    await expect(send(test.port, '/')).rejects.toThrow()
  })

  it('answers before it has the whole request: the client gets that answer, and its connection ends', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(401, { 'content-length': 2 })
      response.end('no')
    })
    stops.push(upstream.stop)
    const test = await gatewayFor(upstream.origin)
    const halfBody = 'x'.repeat(20_000) // more than is read ahead
    const half = `POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: 40000\r\n\r\n${halfBody}`
    const text = await new Promise<string>((resolve) => {
      let all = ''
      const socket = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(half))
      socket.on('data', (chunk) => {
        all += chunk.toString()
        if (all.endsWith('no')) socket.write(halfBody + half)
      })
      socket.on('error', () => undefined)
      socket.on('end', () => setTimeout(() => socket.destroy(), 100))
      socket.on('close', () => resolve(all))
    })
    expect(text.split('HTTP/1.1 401')).toHaveLength(2)
    expect(text).toMatch(/connection: close/i)
    expect(upstream.received).toHaveLength(1)
  })
})

describe('an upstream that answers without reading a large body', () => {
  it('does not leave the client waiting: the rest is read away, and then the connection ends', async () => {
    const upstream = await rawUpstream((socket, chunk) => {
      const answer = 'HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno'
      if (chunk.toString('latin1').startsWith('GET')) return socket.write(answer)
      // Late enough for every buffer on the way to be full.
      socket.pause()
      return setTimeout(() => socket.write(answer), 200)
    })
    const test = await gatewayFor(upstream.origin)
    const length = 9 << 20
    let text = ''
    let isSent = false
    let isClosed = false
    const socket = connect({ port: test.port, host: '127.0.0.1', allowHalfOpen: true })
    test.server.on('connection', (accepted) => accepted.on('close', () => (isClosed = true)))
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.write(`POST / HTTP/1.1\r\nHost: auth.test\r\nContent-Length: ${length}\r\n\r\n`)
    socket.write(Buffer.alloc(length), () => (isSent = true))
    await until(() => isSent && isClosed)
    expect(text).toMatch(/^HTTP\/1\.1 401 [\s\S]*no$/)
    socket.destroy()
  })
})

describe('an upstream that answers a large body by closing the connection', () => {
  it('is heard all the same, each time', async () => {
    const answer = 'HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno'
    // Bytes that it has not read make its end a reset.
    const upstream = await rawUpstream((socket) => socket.end(answer, () => socket.destroy()))
    const test = await gatewayFor(upstream.origin)
    const statuses = []
    for (let times = 0; times < 20; times += 1) {
      const { status } = await send(test.port, '/', { method: 'POST', body: Buffer.alloc(4 << 20) })
      statuses.push(status)
    }
    expect(new Set(statuses)).toEqual(new Set([413]))
  })

  it('is 502 where it says nothing', async () => {
    const upstream = await rawUpstream((socket) => socket.destroy())
    const test = await gatewayFor(upstream.origin)
    const { status } = await send(test.port, '/', { method: 'POST', body: Buffer.alloc(4 << 20) })
    expect(status).toBe(502)
  })
})

describe('a client that goes away', () => {
  it('ends the request at the upstream', async () => {
    let aborted = false
    const upstream = await startUpstream((_request, response) => {
      response.on('close', () => {
        aborted = !response.writableFinished
      })
    })
    stops.push(upstream.stop)
    const test = await gatewayFor(upstream.origin)
    const outgoing = request({ host: '127.0.0.1', port: test.port, headers: { host: 'auth.test' }, agent: false })
    outgoing.on('error', () => undefined)
    outgoing.end()
    await until(() => upstream.received.length === 1)
    outgoing.destroy()
    await until(() => aborted)
    await until(() => test.answers.length === 1)
    expect(test.answers[0]?.status).toBe(499)
  })

  it('ends a stream that is under way, and an upload', async () => {
    let open = 0
    const upstream = await startUpstream((incoming, response) => {
      open += 1
      incoming.resume()
      incoming.on('error', () => undefined)
      response.on('close', () => {
        open -= 1
      })
      if (incoming.method === 'GET') response.write('data: 1\n\n')
    })
    stops.push(upstream.stop)
    const test = await gatewayFor(upstream.origin)
    const stream = connect(test.port, '127.0.0.1', () => stream.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'))
    await new Promise((resolve) => stream.once('data', resolve))
    const upload = connect(test.port, '127.0.0.1', () =>
      upload.write('POST / HTTP/1.1\r\nHost: auth.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
    )
    await until(() => open === 2)
    stream.destroy()
    upload.destroy()
    await until(() => open === 0)
  })

  it('ends also the requests that it had pipelined, whose answers were waiting for their turn', async () => {
    let open = 0
    const upstream = await startUpstream((incoming, response) => {
      open += 1
      response.on('close', () => {
        open -= 1
      })
      if (incoming.url === '/endless') endlessly(response)
      else if (incoming.url === '/short') response.end('ok')
    })
    stops.push(upstream.stop)
    const test = await gatewayFor(upstream.origin, {}, { tick: 20 })
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: auth.test\r\n\r\n`
    const socket = connect(test.port, '127.0.0.1', () => {
      socket.write(get('/never') + get('/endless') + get('/short'))
    })
    await until(() => upstream.received.length === 3 && open === 2)
    socket.destroy()
    await until(() => open === 0)
    await until(() => test.answers.length === 3)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(test.answers.map(({ status }) => status).sort()).toEqual([200, 200, 499])
  })
})

/** Writes for as long as the other side takes it. */
function endlessly(response: ServerResponse): void {
  while (response.write(Buffer.alloc(65_536)));
  response.once('drain', () => endlessly(response))
}

describe('several upstreams', () => {
  it('take turns', async () => {
    const upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()])
    stops.push(...upstreams.map(({ stop }) => stop))
    const test = await gatewayFor(upstreams.map(({ origin }) => origin))
    for (let n = 0; n < 9; n += 1) await send(test.port, '/')
    expect(upstreams.map(({ received }) => received.length)).toEqual([3, 3, 3])
  })

  it('stand in for one that cannot be reached, which is left alone, tried again after a pause and then taken back', async () => {
    const lost = await startUpstream()
    await lost.stop()
    const alive = await startUpstream()
    stops.push(alive.stop)
    const test = await gatewayFor([lost.origin, alive.origin])
    for (let n = 0; n < 10; n += 1) expect((await send(test.port, '/')).status).toBe(200)
    expect(alive.received).toHaveLength(10)

    const back = await startUpstream(undefined, lost.port)
    stops.push(back.stop)
    for (let n = 0; n < 4; n += 1) await send(test.port, '/')
    expect(back.received).toHaveLength(0)
    test.clock.advance(1.001)
    for (let n = 0; n < 10; n += 1) await send(test.port, '/')
    expect(back.received).toHaveLength(5)
  })

  it('are never sent a request twice that may not be repeated', async () => {
    const alive = await startUpstream()
    stops.push(alive.stop)
    const test = await gatewayFor([await findClosedOrigin(), alive.origin])
    const statuses = [
      (await send(test.port, '/', { method: 'POST', body: 'a' })).status,
      (await send(test.port, '/', { method: 'POST', body: 'a' })).status,
      (await send(test.port, '/', { method: 'POST' })).status,
    ]
    expect(statuses).toEqual([502, 200, 502])
    expect(alive.received).toHaveLength(1)
  })

  it('do not get again what one of them has already received', async () => {
    const breaking = await rawUpstream((socket) => socket.destroy())
    const alive = await startUpstream()
    stops.push(alive.stop)
    const test = await gatewayFor([breaking.origin, alive.origin])
    expect((await send(test.port, '/')).status).toBe(502)
    expect(alive.received).toHaveLength(0)
  })

  it('that are all lost are 503 with Retry-After at once, one probe a second apart', async () => {
    const lost = await startUpstream()
    await lost.stop()
    const test = await gatewayFor(lost.origin)
    const statuses: number[] = []
    for (let n = 0; n < 5; n += 1) statuses.push((await send(test.port, '/')).status)
    expect(statuses).toEqual([502, 502, 502, 503, 503])
    expect((await send(test.port, '/')).headers['retry-after']).toBe('1')
    test.clock.advance(1)
    expect((await send(test.port, '/')).status).toBe(502)
    expect((await send(test.port, '/')).status).toBe(503)
    const back = await startUpstream(undefined, lost.port)
    stops.push(back.stop)
    test.clock.advance(1)
    expect((await send(test.port, '/')).status).toBe(200)
    expect((await send(test.port, '/')).status).toBe(200)
    // The probe's answer was counted once, and no 503 is missing from the counters.
    await until(() => test.answers.length === 10)
  })
})

describe('an upstream with more requests than connections', () => {
  it('has a connection for each of many open streams, and for the request after them', async () => {
    const upstream = await startUpstream((request, response) => {
      if (request.url === '/last') return response.end('last')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    })
    stops.push(upstream.stop)
    const test = await gatewayFor(upstream.origin)
    let begun = 0
    const sockets = Array.from({ length: 300 }, () => {
      const socket = connect(test.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: auth.test\r\n\r\n'))
      return socket.on('data', (chunk) => (begun += chunk.includes('data: 1') ? 1 : 0))
    })
    await until(() => begun === 300)
    expect((await send(test.port, '/last')).body).toBe('last')
    for (const socket of sockets) socket.destroy()
  })

  it('has as many as its service says', async () => {
    const upstream = await rawUpstream(() => undefined)
    const test = await gatewayFor(upstream.origin, { connections: 2 }, { queue: 1 })
    const under = [1, 2, 3].map(() => send(test.port, '/').catch(() => undefined))
    await until(() => upstream.connections() === 2)
    await until(() => test.decisions.length === 3)
    expect((await send(test.port, '/')).status).toBe(503)
    expect(upstream.connections()).toBe(2)
    await test.stop()
    await Promise.all(under)
    stops.shift()
  })

  it('lets some wait, for a while, and answers 503 to the rest', async () => {
    const upstream = await rawUpstream(() => undefined)
    const test = await gatewayFor(
      upstream.origin,
      { timeouts: { headers: 5, connect: 0.1 } },
      { connections: 1, queue: 1, tick: 50, queueTicks: 3 },
    )
    const first = send(test.port, '/1').catch(() => undefined)
    await until(() => upstream.connections() === 1)
    const second = send(test.port, '/2')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect((await send(test.port, '/3')).status).toBe(503)
    const began = performance.now()
    expect((await second).status).toBe(503)
    expect(performance.now() - began).toBeLessThan(1000)
    await test.stop()
    await first
    stops.shift()
  })

  it('does not lose its connection to what was given up while it waited', async () => {
    let release: (() => void) | undefined
    const upstream = await rawUpstream((socket, chunk) => {
      const answer = () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      if (chunk.toString('latin1').startsWith('GET /first')) release = answer
      else answer()
    })
    const test = await gatewayFor(upstream.origin, {}, { connections: 1, queue: 100 })
    const first = send(test.port, '/first')
    await until(() => release !== undefined)
    const gone = Array.from({ length: 20 }, () => {
      const socket = connect(test.port, '127.0.0.1', () =>
        socket.write('GET /gone HTTP/1.1\r\nHost: auth.test\r\n\r\n'),
      )
      return socket
    })
    await until(() => test.decisions.length === 21)
    for (const socket of gone) socket.destroy()
    await until(() => test.answers.length === 20)
    release?.()
    expect((await first).status).toBe(200)
    expect((await send(test.port, '/last')).status).toBe(200)
    expect(upstream.connections()).toBe(1)
  })

  it('is not sent what was given up while it waited', async () => {
    let release: () => void = () => undefined
    const upstream = await startUpstream((request, response) => {
      if (request.url === '/1') release = () => response.end()
      else response.end()
    })
    stops.push(upstream.stop)
    const tuning = { connections: 1, tick: 20, queueTicks: 2 }
    const test = await gatewayFor(upstream.origin, { timeouts: { connect: 0.02 } }, tuning)
    const first = send(test.port, '/1')
    await until(() => upstream.received.length === 1)
    expect((await send(test.port, '/2')).status).toBe(503)
    release()
    expect((await first).status).toBe(200)
    expect((await send(test.port, '/3')).status).toBe(200)
    expect(upstream.received.map(({ url }) => url)).toEqual(['/1', '/3'])
  })
})
