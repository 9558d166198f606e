import { once } from 'node:events'
import { request } from 'node:http'
import type { ClientId, GrantId, SessionId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { Metadata, type ServerWritableStream, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from './fixtures/client.ts'
import { startGateway, type TestGateway, tableFor } from './fixtures/gateway-server.ts'
import { readCall, startGrpcServer, TalkClient } from './fixtures/grpc.ts'
import { openSession, openStream, readStream } from './fixtures/http2-client.ts'
import { cert, startHttp2Front } from './fixtures/http2-front.ts'
import { buildToken } from './fixtures/tokens.ts'
import { startUpstream } from './fixtures/upstream.ts'
import { closeOf, openSocket, outcomeOf, startSocketService, takeUpgrades } from './fixtures/websocket.ts'
import type { RouteDefinition, ServiceDefinition } from './routes.ts'
import type { FindEnd } from './stream-review.ts'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** The second at which tests begin, and that at which the token of everybody expires. */
const [start, expiry] = [1_800_000_000, 1_800_000_300]
const withoutSession = buildToken({ sub: 'robot', client_id: 'robot' as ClientId, exp: seconds(expiry) })
const tokens = {
  user: buildToken({ exp: seconds(expiry), gid: 'g-1' as GrantId, sid: 'sid-1' as SessionId }),
  elsewhere: buildToken({ aud: 'https://elsewhere.test' }),
  robot: { ...withoutSession, claims: { ...withoutSession.claims, sid: undefined, gid: undefined } },
}
const verify = (token: string) => tokens[token as keyof typeof tokens]

const serve = (origin: string, route: Partial<RouteDefinition> = {}): ServiceDefinition => ({
  name: 's',
  audience: 's',
  upstream: [origin],
  routes: [{ path: '/**', require: 'optional', ...route }],
})

interface Options {
  readonly findEnd?: FindEnd
  readonly streams?: RouteDefinition['streams']
}

/** A gateway in front of a service that sends events, and one in front of WebSockets. */
async function startBoth({ findEnd, streams }: Options = {}): Promise<{ events: TestGateway; sockets: TestGateway }> {
  const upstream = await startUpstream((asked, response) => {
    if (asked.url === '/file') response.writeHead(200, { 'content-length': 1000 }).write('first')
    else if (asked.url === '/lines') response.writeHead(200, { 'content-type': 'text/plain' }).write('first')
    else response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
  })
  const service = await startSocketService()
  const options = {
    tuning: { tick: 20 },
    // What is verified here is never anything but one of these tokens.
    dependencies: { verify: verify as never, ...(findEnd === undefined ? {} : { findEnd }) },
  }
  const events = await startGateway([serve(upstream.origin, { streams })], options)
  const sockets = await startGateway([serve(service.origin, { streams })], options)
  takeUpgrades(sockets)
  stops.push(upstream.stop, service.stop, events.stop, sockets.stop)
  return { events, sockets }
}

/** A few ticks. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 150))

/** Opens an answer and says how it goes: `open` until it has ended `in order` or `broken`. */
async function openAnswer({ port }: { readonly port: number }, token: string | undefined, path = '/') {
  const headers = { host: 'auth.test', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }).end()
  const [response] = await once(asked, 'response')
  stops.push(() => asked.destroy())
  let state = 'open'
  response
    .on('error', () => undefined)
    .on('close', () => {
      state = response.complete ? 'in order' : 'broken'
    })
  await once(response, 'data')
  response.resume()
  return () => state
}

async function openTwo(both: Awaited<ReturnType<typeof startBoth>>, token: string) {
  const answer = await openAnswer(both.events, token)
  const socket = openSocket(both.sockets, '/', token)
  stops.push(() => socket.terminate())
  expect(await outcomeOf(socket)).toBe('open')
  const closed = closeOf(socket)
  return { answer, socket, closed }
}

function advance({ events, sockets }: { events: TestGateway; sockets: TestGateway }, by: number): void {
  for (const test of [events, sockets]) test.clock.advance(by)
}

describe('a stream of a session', () => {
  it('outlasts its token for as long as the session does, as that stands then, and ends with it', async () => {
    const asked: string[] = []
    let end = seconds(expiry + 1000)
    const both = await startBoth({
      findEnd: async ({ claims }) => {
        asked.push(claims.gid ?? '')
        return end
      },
    })
    const { answer, socket, closed } = await openTwo(both, 'user')
    advance(both, expiry - start - 1)
    await aWhile()
    // Nobody is asked before the token has expired, and then once.
    expect(asked).toEqual([])
    advance(both, 1)
    await aWhile()
    expect(asked).toEqual(['g-1', 'g-1'])
    expect([answer(), socket.readyState]).toEqual(['open', socket.OPEN])
    // Its client has refreshed meanwhile.
    end = seconds(expiry + 2000)
    advance(both, 1000)
    await aWhile()
    expect([answer(), socket.readyState]).toEqual(['open', socket.OPEN])
    advance(both, 1000)
    expect(await closed).toEqual({
      code: 1008,
      reason: expect.stringMatching(`^invalid_token \\(${both.sockets.log[0]?.decision_id}\\)$`),
    })
    await until(() => answer() === 'in order')
    for (const { log } of [both.events, both.sockets]) expect(log).toMatchObject([{ rule: 'streams.until' }])
  })

  it('ends when nobody can say for a minute whether that lasts, and not before', async () => {
    const both = await startBoth({ findEnd: () => Promise.reject(new Error('the store is away')) })
    const { answer, closed } = await openTwo(both, 'user')
    advance(both, expiry - start)
    await aWhile()
    advance(both, 30)
    await aWhile()
    expect(answer()).toBe('open')
    advance(both, 31)
    await until(() => answer() === 'in order')
    expect(await closed).toMatchObject({ code: 1008 })
  })

  it('ends with it where it has ended already', async () => {
    const both = await startBoth({ findEnd: async () => undefined })
    const { answer, closed } = await openTwo(both, 'user')
    advance(both, expiry - start)
    expect(await closed).toMatchObject({ code: 1008 })
    await until(() => answer() === 'in order')
  })
})

it('a stream that no session stands behind ends an hour after its token', async () => {
  const both = await startBoth({ findEnd: () => Promise.reject(new Error('nobody has this to ask for')) })
  const { answer, closed } = await openTwo(both, 'robot')
  advance(both, expiry - start + 3599)
  await aWhile()
  expect(answer()).toBe('open')
  advance(both, 1)
  expect(await closed).toMatchObject({ code: 1008 })
  await until(() => answer() === 'in order')
})

describe('a route', () => {
  it('ends its streams with the token where it says so', async () => {
    const both = await startBoth({ streams: { until: 'token' }, findEnd: async () => seconds(expiry + 1000) })
    const { answer, closed } = await openTwo(both, 'user')
    advance(both, expiry - start - 1)
    await aWhile()
    expect(answer()).toBe('open')
    advance(both, 1)
    expect(await closed).toMatchObject({ code: 1008 })
    await until(() => answer() === 'in order')
  })

  it('lets them go on until something is revoked where it says so', async () => {
    const both = await startBoth({ streams: { until: 'revoked' }, findEnd: async () => undefined })
    const { answer, socket } = await openTwo(both, 'user')
    advance(both, 100_000_000)
    await aWhile()
    expect([answer(), socket.readyState]).toEqual(['open', socket.OPEN])
  })
})

it('whose route needs a class of sign-in ends with what makes the sign-in one', async () => {
  const asked: (readonly string[])[] = []
  const upstream = await startUpstream((_asked, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n'),
  )
  const events = await startGateway([serve(upstream.origin, { require: { acr: ['2'] } })], {
    tuning: { tick: 20 },
    dependencies: {
      verify: (() => buildToken({ acr: '2', exp: seconds(expiry), gid: 'g-1' as GrantId })) as never,
      findEnd: async (_token, acr) => {
        asked.push(acr)
        return seconds(expiry + 100)
      },
    },
  })
  stops.push(upstream.stop, events.stop)
  const answer = await openAnswer(events, 'user')
  events.clock.advance(expiry - start)
  await aWhile()
  expect([answer(), asked]).toEqual(['open', [['2']]])
})

describe('an answer', () => {
  it('that says how long it is comes to its end by itself; one that does not is broken off', async () => {
    const both = await startBoth({ findEnd: async () => undefined })
    const file = await openAnswer(both.events, 'user', '/file')
    const lines = await openAnswer(both.events, 'user', '/lines')
    const nobodys = await openAnswer(both.events, undefined)
    advance(both, expiry - start)
    await until(() => lines() === 'broken')
    await aWhile()
    expect([file(), nobodys()]).toEqual(['open', 'open'])
  })
})

describe('over HTTP/2', () => {
  it('an event stream ends in order, and others of its connection go on', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
    })
    const front = await startHttp2Front([serve(upstream.origin)], {
      tuning: { tick: 20 },
      dependencies: { verify: verify as never, findEnd: async () => undefined },
    })
    stops.push(upstream.stop, front.stop)
    const session = openSession(front.port)
    stops.push(() => session.destroy())
    const mine = openStream(session, '/', { token: 'user' })
    const nobodys = openStream(session, '/')
    const answer = readStream(mine)
    await Promise.all([once(mine, 'response'), once(nobodys, 'response')])
    await aWhile()
    front.clock.advance(expiry - start)
    expect(await answer).toMatchObject({ status: 200, body: 'data: first\n\n', code: 0 })
    expect(nobodys.closed).toBe(false)
  })

  it('a call of gRPC ends as UNAUTHENTICATED, behind what it has heard so far', async () => {
    const server = await startGrpcServer({
      Say() {},
      Collect() {},
      Chat() {},
      List: (call: ServerWritableStream<string, string>) => void call.write('first'),
    })
    const front = await startHttp2Front([serve(`h2c://127.0.0.1:${server.port}`)], {
      tuning: { tick: 20 },
      dependencies: { verify: verify as never, findEnd: async () => undefined },
    })
    const client = new TalkClient(front.port, cert)
    stops.push(server.stop, front.stop, () => client.close())
    const metadata = new Metadata()
    metadata.set('authorization', 'Bearer user')
    const list = client.list('x', metadata)
    const outcome = readCall(list)
    await once(list, 'data')
    front.clock.advance(expiry - start)
    const { error, messages } = await outcome
    expect([error?.code, messages]).toEqual([status.UNAUTHENTICATED, ['first']])
  })
})

describe('after a reload', () => {
  const reloadWith = async (route: Partial<RouteDefinition>, token: 'user' | 'robot' = 'user') => {
    const both = await startBoth()
    const opened = await openTwo(both, token)
    const [events, sockets] = [both.events, both.sockets].map(({ gateway }) => (origin: string) => {
      gateway.replace(tableFor([serve(origin, route)]))
    })
    // Where the services are does not matter to what is open.
    events?.('http://127.0.0.1:9')
    sockets?.('http://127.0.0.1:9')
    return { both, ...opened }
  }

  it.each<[string, Partial<RouteDefinition>, string]>([
    ['asks for a scope', { require: { scopes: ['orders:read'] } }, 'insufficient_scope'],
    ['is gone', { path: '/elsewhere' }, 'not_found'],
    ['takes other methods', { methods: ['POST'] }, 'method_not_allowed'],
    ['asks for a newer sign-in', { require: { maxAge: 60 } }, 'insufficient_user_authentication'],
  ])('a stream ends whose route now %s', async (_name, route, code) => {
    const { both, answer, closed } = await reloadWith(route)
    expect(await closed).toEqual({ code: 1008, reason: expect.stringContaining(code) })
    await until(() => answer() === 'in order')
    for (const { log } of [both.events, both.sockets]) expect(log).toMatchObject([{ code }])
  })

  it('a stream goes on that would be let through again, also by a condition on when it was asked for', async () => {
    const test = ({ now }: { now?: unknown }) => Number(now) < (start + 10) * 1000
    const when = [{ text: 'now < then', reads: new Set(['now']), test }]
    const { both, answer, socket } = await reloadWith({ require: { when } })
    advance(both, 100)
    await aWhile()
    expect([answer(), socket.readyState]).toEqual(['open', socket.OPEN])
  })

  it('a stream ends that nobody was known for, where somebody must be known now', async () => {
    const both = await startBoth()
    const answer = await openAnswer(both.events, undefined)
    both.events.gateway.replace(tableFor([serve('http://127.0.0.1:9', { require: 'token' })]))
    await until(() => answer() === 'in order')
  })

  it('a stream ends whose token is for another audience, and an answer that says its length does not', async () => {
    const both = await startBoth()
    const answer = await openAnswer(both.events, 'elsewhere')
    const file = await openAnswer(both.events, 'elsewhere', '/file')
    both.events.gateway.replace(tableFor([serve('http://127.0.0.1:9')]))
    await until(() => answer() === 'in order')
    await aWhile()
    expect(file()).toBe('open')
    expect(both.events.log).toMatchObject([{ code: 'invalid_token' }])
  })

  it('somebody outside is asked about each stream, and only a no ends it', async () => {
    const decider = await startUpstream((asked, response) => {
      if (asked.headers.authorization === 'Bearer away') response.writeHead(500).end()
      else response.end('false')
    })
    stops.push(decider.stop)
    const remote = (token: string) => ({
      ...{ url: decider.origin, token, timeout: 1000, cacheFor: 0 },
      question: () => ({}),
      readAnswer: (answer: unknown) => ({ allowed: answer === true }),
    })
    const away = await reloadWith({ require: { remote: remote('away') } })
    await until(() => decider.received.length === 2)
    await aWhile()
    expect(away.answer()).toBe('open')
    const refused = await reloadWith({ require: { remote: remote('here') } })
    expect(await refused.closed).toMatchObject({ code: 1008, reason: expect.stringContaining('forbidden') })
    await until(() => refused.answer() === 'in order')
  })

  it('a change of how long streams last holds for those that are open', async () => {
    const { both, answer, closed } = await reloadWith({ streams: { until: 'token' } })
    await aWhile()
    expect(answer()).toBe('open')
    advance(both, expiry - start)
    expect(await closed).toMatchObject({ code: 1008 })
  })
})
