import { type AddressInfo, connect } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from './fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from './fixtures/gateway-server.ts'
import { buildSelfSigned } from './fixtures/self-signed.ts'
import { startRawUpstream, startUpstream } from './fixtures/upstream.ts'
import type { RouteDefinition, ServiceDefinition } from './routes.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})
const open: RouteDefinition[] = [{ path: '/**', require: 'nothing' }]
const service = (upstream: string, more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  name: 's',
  audience: 's',
  upstream: [upstream],
  routes: open,
  ...more,
})
async function gatewayFor(...args: Parameters<typeof startGateway>): Promise<TestGateway> {
  const test = await startGateway(...args)
  stops.unshift(test.stop)
  return test
}
async function namedUpstream(name: string) {
  let connections = 0
  const upstream = await startUpstream((request, response) => {
    response.write(name)
    if (request.url !== '/stream') response.end()
  })
  upstream.server.on('connection', () => {
    connections += 1
  })
  stops.push(upstream.stop)
  return { ...upstream, connections: () => connections }
}

describe('replace', () => {
  it('swaps the routes, keeps the connections of what stayed, and lets running requests finish on what went', async () => {
    const [a, b] = await Promise.all([namedUpstream('a'), namedUpstream('b')])
    const test = await gatewayFor([service(a.origin)])
    expect((await send(test.port, '/')).body).toBe('a')
    test.gateway.replace(tableFor([service(a.origin, { routes: [{ path: '/new', require: 'nothing' }] })]))
    expect((await send(test.port, '/')).status).toBe(404)
    expect((await send(test.port, '/new')).body).toBe('a')
    expect(a.connections()).toBe(1)

    test.gateway.replace(tableFor([service(a.origin)]))
    let text = ''
    const stream = connect(test.port, '127.0.0.1', () =>
      stream.write('GET /stream HTTP/1.1\r\nHost: auth.test\r\n\r\n'),
    )
    stream.on('data', (chunk) => {
      text += chunk.toString()
    })
    await until(() => text.includes('\r\na\r\n'))
    test.gateway.replace(tableFor([service(b.origin)]))
    expect((await send(test.port, '/')).body).toBe('b')
    expect(stream.readyState).toBe('open')
    const connectionsOfA = () =>
      new Promise<number>((resolve) => a.server.getConnections((_error, count) => resolve(count)))
    await expect.poll(connectionsOfA).toBe(1)
    stream.destroy()
    await expect.poll(connectionsOfA).toBe(0)
  })
})

describe('close', () => {
  it('waits for what is running, but not for ever', async () => {
    const a = await namedUpstream('a')
    const test = await startGateway([service(a.origin)], { tuning: { drain: 100 } })
    const closed = new Promise<void>((resolve) => {
      const stream = connect(test.port, '127.0.0.1', () =>
        stream.write('GET /stream HTTP/1.1\r\nHost: auth.test\r\n\r\n'),
      )
      stream.on('error', () => undefined)
      stream.on('close', resolve)
      stream.resume()
    })
    await until(() => a.received.length === 1)
    const began = performance.now()
    await test.gateway.close()
    expect(performance.now() - began).toBeGreaterThan(90)
    await closed
    expect((await send(test.port, '/')).status).toBe(503)
    await test.stop()
  })
})

describe('close after replace', () => {
  it('breaks off also what still runs on upstreams that were removed', async () => {
    const [a, b] = await Promise.all([namedUpstream('a'), namedUpstream('b')])
    const test = await gatewayFor([service(a.origin)], { tuning: { drain: 50 } })
    const stream = connect(test.port, '127.0.0.1', () =>
      stream.write('GET /stream HTTP/1.1\r\nHost: auth.test\r\n\r\n'),
    )
    const closed = new Promise<void>((resolve) => stream.on('close', resolve))
    stream.on('error', () => undefined).resume()
    await until(() => a.received.length === 1)
    test.gateway.replace(tableFor([service(b.origin)]))
    await test.gateway.close()
    await closed
  })
})

describe('an upstream’s name', () => {
  it('is resolved again after 30 s, and new connections go where it then leads', async () => {
    const a = await namedUpstream('a')
    // The same port at another loopback address: what a name that moves looks like.
    const moved = await startRawUpstream(
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nb'),
      { port: a.port, host: '127.0.0.2' },
    )
    stops.push(moved.stop)
    let address = '127.0.0.1'
    const test = await gatewayFor([service(`http://orders.internal:${a.port}`)], {
      tuning: {
        lookup: (_name, options, callback) => {
          if (options.all) callback(null, [{ address, family: 4 }])
          else callback(null, address, 4)
        },
      },
    })
    const ask = async () => (await send(test.port, '/')).body
    expect(await ask()).toBe('a')
    address = '127.0.0.2'
    test.clock.advance(29)
    expect([await ask(), await ask()]).toEqual(['a', 'a'])
    test.clock.advance(1)
    await ask()
    expect(await ask()).toBe('b')
    expect(a.received[0]?.headers.host).toBe(`orders.internal:${a.port}`)
  })
})

describe('an upstream with TLS', () => {
  it('is 502 when nobody vouches for its certificate, and never gets the request', async () => {
    let bytes = 0
    const server = createTlsServer(buildSelfSigned('localhost'), (socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        bytes += chunk.length
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    })
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => server.close(() => resolve())))
    const { port } = server.address() as AddressInfo
    const test = await gatewayFor([service(`https://localhost:${port}`)])
    expect((await send(test.port, '/')).status).toBe(502)
    expect(test.log[0]?.reason).toMatch(/SELF_SIGNED|self-signed/)
    expect(bytes).toBe(0)
  })
})
