import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { isMissing, type ProxiedSite, startProxiedSite, twoWayPaths } from './proxied-site.ts'
import { envoy } from './proxies.ts'

let started: ProxiedSite | undefined
const stops: (() => unknown)[] = []
afterEach(async () => {
  await started?.remove()
  for (const stop of stops.splice(0)) stop()
})

describe.skipIf(isMissing(envoy))('Envoy, beside what every proxy is asked', () => {
  it('takes from the service what a client says about itself as other proxies would say it', async () => {
    started = await startProxiedSite(envoy)
    const { ask, by, received } = started
    const names = [
      'Remote-User',
      'X-Original-Url',
      'X-Forwarded-Uri',
      'X-Forwarded-Host',
      'X-Auth-Request-User',
      'x.real.ip',
      'DPoP',
    ]
    const headers = { ...Object.fromEntries(names.map((name) => [name, 'boss'])), 'x-mine': 'kept' }
    for (const path of ['/health', '/page']) expect((await ask(path, { ...by('bob'), ...headers })).status).toBe(200)
    expect(received.map(({ headers }) => headers['x-mine'])).toEqual(['kept', 'kept'])
    expect(JSON.stringify(received)).not.toContain('boss')
  })

  it('needs none of its own tidying: an untidy path is refused where it is left as it is', async () => {
    let changed = 0
    started = await startProxiedSite(envoy, {
      change: (text) =>
        text.replace(/^ *(?:normalize_path|merge_slashes|path_with_escaped_slashes_action): .*\n/gm, () => {
          changed += 1
          return ''
        }),
    })
    expect(changed).toBe(3)
    for (const path of twoWayPaths) {
      for (const headers of [{}, started.by('bob')]) {
        const { status } = await started.ask(path, headers)
        expect(status, path).toBeGreaterThanOrEqual(400)
      }
    }
    expect(started.received).toEqual([])
  })

  it('answers 503 while nobody answers it, and lets nothing through', async () => {
    started = await startProxiedSite(envoy)
    const { ask, by, received, site } = started
    await site.remove()
    for (const path of ['/health', '/page']) expect((await ask(path, by('alice'))).status).toBe(503)
    expect(received).toEqual([])
  })

  it('passes calls of gRPC to a service by the same rules, and refuses them in their own words', async () => {
    const service = await startGrpcService()
    stops.push(() => service.stop())
    started = await startProxiedSite(envoy, { change: (text) => addGrpcService(text, service.port) })
    const { app, by, site } = started
    const call = callAs(new URL(app).host)
    expect(await call(`${by('alice').authorization}`)).toEqual({ code: status.OK, text: 'hello clerk' })
    const told = await call(`${by('bob').authorization}`)
    expect([told.code, told.text]).toEqual([status.PERMISSION_DENIED, expect.stringContaining('insufficient_scope')])
    expect((await call()).code).toBe(status.UNAUTHENTICATED)
    expect(service.calls()).toBe(1)
    await site.remove()
    expect((await call(`${by('alice').authorization}`)).code).toBe(status.UNAVAILABLE)
    expect(service.calls()).toBe(1)
  })
})

const text = { to: (value: string) => Buffer.from(value), from: (bytes: Buffer) => bytes.toString() }
/** Below the route of the guide that takes POST. */
const path = '/edit/Hello'

/** A service of gRPC that says which roles it is told. */
async function startGrpcService() {
  const server = new Server()
  let calls = 0
  const hello = { path, requestStream: false, responseStream: false } as const
  const read = { requestSerialize: text.to, requestDeserialize: text.from }
  server.addService(
    { Hello: { ...hello, ...read, responseSerialize: text.to, responseDeserialize: text.from } },
    {
      Hello({ metadata, request }: ServerUnaryCall<string, string>, answer: sendUnaryData<string>) {
        calls += 1
        answer(null, `${request} ${metadata.get('x-gatehouse-roles')}`)
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    const secured = ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', secured, (error, bound) => (error ? reject(error) : resolve(bound)))
  })
  return { port, calls: () => calls, stop: () => server.forceShutdown() }
}

/** The guide's Envoy with one more service, which speaks HTTP/2. */
function addGrpcService(configuration: string, port: number): string {
  const route = '                        - match: { prefix: / }\n'
  expect(configuration).toContain(route)
  const cluster = configuration.slice(configuration.indexOf('    - name: gatehouse-ext-authz\n'))
  return (
    configuration.replace(
      route,
      `${route.replace('/ }', '/edit/ }')}                          route: { cluster: talk }\n${route}`,
    ) + cluster.replaceAll('gatehouse-ext-authz', 'talk').replace(/port_value: \d+/, `port_value: ${port}`)
  )
}

/** Calls by a client of somebody else's, over HTTP/2 without TLS. */
function callAs(host: string) {
  const client = new Client(`127.0.0.1:${host.split(':')[1]}`, credentials.createInsecure(), {
    'grpc.default_authority': host,
    'grpc.enable_retries': 0,
  })
  stops.push(() => client.close())
  return (authorization?: string): Promise<{ code: status; text: string }> => {
    const metadata = new Metadata()
    if (authorization !== undefined) metadata.set('authorization', authorization)
    return new Promise((resolve) => {
      client.makeUnaryRequest(path, text.to, text.from, 'hello', metadata, (error, answer) =>
        resolve({ code: error?.code ?? status.OK, text: answer ?? error?.details ?? '' }),
      )
    })
  }
}
