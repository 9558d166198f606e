import { once } from 'node:events'
import type { RevocationEntry } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import {
  Metadata,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { readCall, startGrpcServer, TalkClient } from '../fixtures/grpc.ts'
import { cert, type Http2Front, startHttp2Front } from '../fixtures/http2-front.ts'
import { buildSelfSigned } from '../fixtures/self-signed.ts'
import { findClosedOrigin, startRawUpstream } from '../fixtures/upstream.ts'
import type { ServiceDefinition } from '../routes.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** What the service was told of each call. */
const told: Metadata[] = []
/** Until when the service may take for each call. */
const deadlines: unknown[] = []
/** Calls that the service knows to be over before their time. */
let cancelled = 0
beforeEach(() => {
  told.length = 0
  deadlines.length = 0
  cancelled = 0
})

const implementation = {
  Say(call: ServerUnaryCall<string, string>, answer: sendUnaryData<string>) {
    told.push(call.metadata)
    deadlines.push(call.getDeadline())
    call.on('cancelled', () => {
      cancelled += 1
    })
    if (call.request === 'never') return
    if (call.request === 'fail') return answer({ code: status.DATA_LOSS, details: 'lost it, 50 %' })
    const trailer = new Metadata()
    trailer.set('x-cost', '7')
    trailer.set('x-bytes-bin', Buffer.from([0, 255]))
    answer(null, `said ${call.request}`, trailer)
  },
  List(call: ServerWritableStream<string, string>) {
    call.on('cancelled', () => {
      cancelled += 1
    })
    for (const part of call.request.split(' ')) call.write(part)
    if (!call.request.endsWith('open')) call.end()
  },
  Collect(call: AsyncIterable<string>, answer: sendUnaryData<string>) {
    void (async () => {
      let all = ''
      for await (const part of call) all += part
      answer(null, all)
    })()
  },
  Chat(call: ServerDuplexStream<string, string>) {
    call.on('cancelled', () => {
      cancelled += 1
    })
    call.on('data', (message: string) => call.write(`echo ${message}`))
    call.on('end', () => call.end())
  },
}

const service = (origin: string, more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  name: 'talk',
  audience: 'https://talk.test',
  upstream: [origin],
  routes: [
    { path: '/test.Talk/**', require: { scopes: ['orders:read'] } },
    { path: '/test.Talk/Collect', require: 'nothing' },
  ],
  ...more,
})

interface Talk {
  readonly front: Http2Front
  readonly client: TalkClient
}
async function start(
  more: Partial<ServiceDefinition> = {},
  options: Parameters<typeof startHttp2Front>[1] = {},
): Promise<Talk> {
  const server = await startGrpcServer(implementation)
  stops.push(() => server.stop())
  return connect(service(`h2c://127.0.0.1:${server.port}`, more), options)
}
async function connect(definition: ServiceDefinition, options: Parameters<typeof startHttp2Front>[1] = {}) {
  const front = await startHttp2Front([definition], options)
  stops.push(() => front.stop())
  const client = new TalkClient(front.port, cert)
  stops.push(() => client.close())
  return { front, client }
}

const bearer = (token = 'reader'): Metadata => {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

describe('a call that is let through', () => {
  it('is answered, with the trailers of the service', async () => {
    const { client } = await start()
    const outcome = await client.say('hello', bearer())
    expect([outcome.error, outcome.messages]).toEqual([undefined, ['said hello']])
    expect(outcome.trailers?.get('x-cost')).toEqual(['7'])
    expect(outcome.trailers?.get('x-bytes-bin')).toEqual([Buffer.from([0, 255])])
  })

  it('tells the service who calls, in headers that nobody else has set', async () => {
    const { client } = await start()
    const metadata = bearer()
    metadata.set('x-gatehouse-subject', 'root')
    metadata.set('x_gatehouse_roles', 'admin')
    metadata.set('x-trace', 'kept')
    await client.say('hello', metadata)
    expect(told[0]?.getMap()).toMatchObject({
      authorization: 'Bearer identity-of-usr_0123456789abcdefghijkl-for-talk',
      'x-gatehouse-subject': 'usr_0123456789abcdefghijkl',
      'x-gatehouse-scope': 'orders:read profile',
      'x-trace': 'kept',
      'x-forwarded-host': 'auth.test',
    })
    expect(JSON.stringify(told[0]?.toJSON())).not.toMatch(/root|admin/)
  })

  it('fails as the service has it, in a frame of headers alone', async () => {
    const { client } = await start()
    const { error } = await client.say('fail', bearer())
    expect([error?.code, error?.details]).toEqual([status.DATA_LOSS, 'lost it, 50 %'])
  })

  it('may stream from the service, to it, and both ways, and nothing is held back', async () => {
    const { client } = await start()
    const listed = await readCall(client.list('a b c', bearer()))
    expect([listed.error, listed.messages]).toEqual([undefined, ['a', 'b', 'c']])
    expect((await client.collect(['d', 'e', 'f'], bearer())).messages).toEqual(['def'])
    const chat = client.chat(bearer())
    for (const word of ['one', 'two', 'three']) {
      chat.write(word)
      expect(await once(chat, 'data')).toEqual([`echo ${word}`])
    }
    chat.end()
    expect((await readCall(chat)).error).toBeUndefined()
  })

  it('may say nothing for longer than a body may rest, and is over when neither side says anything for too long', async () => {
    const slow = { tuning: { tick: 20, bodyIdleTicks: 2 } }
    const { client } = await start({ timeouts: { idle: 0.5 } }, slow)
    const chat = client.chat(bearer())
    chat.write('one')
    await once(chat, 'data')
    await new Promise((resolve) => setTimeout(resolve, 200))
    chat.write('two')
    expect(await once(chat, 'data')).toEqual(['echo two'])
    const { error } = await readCall(chat)
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => cancelled === 1)
  })

  it('has no more patience than any other request with a service that speaks HTTP/1.1', async () => {
    const silent = await startRawUpstream((socket) => socket.resume())
    stops.push(() => silent.stop())
    const { client } = await connect(service(silent.origin), { tuning: { tick: 20, bodyIdleTicks: 2 } })
    const { error } = await readCall(client.chat(bearer()))
    expect([error?.code, error?.details]).toEqual([
      status.DEADLINE_EXCEEDED,
      expect.stringContaining('request_timeout'),
    ])
  })

  it('goes on with others on one connection, also with more than fit on it', async () => {
    const { client } = await start()
    const outcomes = await Promise.all(Array.from({ length: 250 }, (_, index) => client.say(String(index), bearer())))
    expect(outcomes.map(({ messages }) => messages[0])).toEqual(outcomes.map((_, index) => `said ${index}`))
  })

  it('carries large messages both ways', async () => {
    const { client } = await start()
    const large = 'x'.repeat(3_000_000)
    const { messages } = await client.say(large, bearer())
    expect(messages[0]?.length).toBe(large.length + 5)
  })

  it('ends at the service when its client gives it up, or its deadline is over', async () => {
    const { client, front } = await start()
    const chat = client.chat(bearer())
    chat.on('error', () => undefined)
    chat.write('one')
    await once(chat, 'data')
    chat.cancel()
    await until(() => cancelled === 1)
    const { error } = await client.say('never', bearer(), Date.now() + 100)
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => cancelled === 2 && front.answers.length === 2)
    expect(Number(deadlines[0])).toBeLessThan(Date.now() + 1000)
  })
})

describe('a call that is refused', () => {
  it.each([
    ['without a token', new Metadata(), status.UNAUTHENTICATED, 'credentials_required'],
    ['with a token that is none', bearer('nonsense'), status.UNAUTHENTICATED, 'invalid_token'],
    ['without the scope', bearer('user'), status.PERMISSION_DENIED, 'insufficient_scope'],
  ])('%s hears it in words of gRPC, and reaches nobody', async (_name, metadata, code, name) => {
    const { client, front } = await start()
    const { error } = await client.say('hello', metadata)
    expect(error?.code).toBe(code)
    expect(error?.details).toContain(`(${name}, ${front.log[0]?.decision_id})`)
    expect((await readCall(client.list('a', metadata))).error?.code).toBe(code)
    const chat = client.chat(metadata)
    chat.write('hello')
    expect((await readCall(chat)).error?.code).toBe(code)
    expect(told).toEqual([])
    expect(front.log).toHaveLength(3)
  })

  it('gets the challenge beside it', async () => {
    const { client } = await start()
    const { error } = await client.say('hello', new Metadata())
    expect(error?.metadata.get('www-authenticate')[0]).toMatch(/^Bearer realm="auth\.test"/)
  })

  it('is UNIMPLEMENTED where no route has it', async () => {
    const { client } = await start({ routes: [{ path: '/test.Talk/List', require: 'nothing' }] })
    expect((await client.say('hello', bearer())).error?.code).toBe(status.UNIMPLEMENTED)
  })

  it('is RESOURCE_EXHAUSTED beyond a rate, and by a message beyond the limit of bodies', async () => {
    const rate = [{ per: 'principal', requests: 1, window: 60 }] as const
    const { client } = await start({ limits: { rate, body: 1000 } })
    expect((await client.say('x'.repeat(5000), bearer())).error?.code).toBe(status.RESOURCE_EXHAUSTED)
    const { error } = await client.say('hello', bearer())
    expect([error?.code, error?.metadata.get('retry-after').length]).toEqual([status.RESOURCE_EXHAUSTED, 1])
  })

  it('is UNAVAILABLE where nobody listens, and DEADLINE_EXCEEDED where nobody answers in time', async () => {
    const closed = (await findClosedOrigin()).replace('http:', 'h2c:')
    const { client } = await connect(service(closed))
    expect((await client.say('hello', bearer())).error?.code).toBe(status.UNAVAILABLE)
    const late = await start({ timeouts: { headers: 0.2 } })
    expect((await late.client.say('never', bearer())).error?.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => cancelled === 1)
    // On a connection of its own: the one before may have been dead.
    expect((await late.client.say('hello', bearer())).messages).toEqual(['said hello'])
  })
})

describe('a call whose token is revoked', () => {
  const entries: readonly RevocationEntry[] = [
    { kind: 'sid', value: 'sid-1', issued_before: null, expires_at: seconds(2_000_000_000) },
  ]

  it('ends as UNAUTHENTICATED behind what it has heard so far', async () => {
    const { client, front } = await start()
    const list = client.list('a b open', bearer())
    const chat = client.chat(bearer())
    chat.write('one')
    const [listed, chatted] = [readCall(list), readCall(chat)]
    await Promise.all([once(list, 'data'), once(chat, 'data')])
    await new Promise((resolve) => setTimeout(resolve, 50))
    front.gateway.endRevoked(entries)
    const [first, second] = await Promise.all([listed, chatted])
    expect([first.error?.code, first.messages]).toEqual([status.UNAUTHENTICATED, ['a', 'b', 'open']])
    expect([second.error?.code, second.messages]).toEqual([status.UNAUTHENTICATED, ['echo one']])
    await until(() => cancelled === 2)
  })
})

describe('a gateway that stops', () => {
  it('says UNAVAILABLE to calls that have had their time, whether they have heard something or not', async () => {
    const { front, client } = await start()
    const list = client.list('a b open', bearer())
    const [listed, waiting] = [readCall(list), client.say('never', bearer())]
    await once(list, 'data')
    await until(() => told.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    front.gateway.endRunning()
    const [first, second] = await Promise.all([listed, waiting])
    expect([first.error?.code, first.messages]).toEqual([status.UNAVAILABLE, ['a', 'b', 'open']])
    expect(second.error?.code).toBe(status.UNAVAILABLE)
  })
})

describe('a service over TLS', () => {
  it('is asked where its certificate is believed, and nobody else is', async () => {
    const own = buildSelfSigned('talk.internal')
    const pair = { private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.cert) }
    const server = await startGrpcServer(implementation, ServerCredentials.createSsl(null, [pair]))
    stops.push(() => server.stop())
    const origin = `h2://127.0.0.1:${server.port}`
    const upstreamTls = { ca: own.cert, serverName: 'talk.internal' }
    const good = await connect(service(origin, { upstreamTls }))
    expect((await good.client.say('hello', bearer())).messages).toEqual(['said hello'])
    const bad = await connect(service(origin))
    expect((await bad.client.say('hello', bearer())).error?.code).toBe(status.UNAVAILABLE)
    expect(told).toHaveLength(1)
  })
})
