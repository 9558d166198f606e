import { type IncomingMessage, request } from 'node:http'
import type { RevocationEntry } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { send, until } from '../fixtures/client.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { buildToken } from '../fixtures/tokens.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const revoked = (kind: RevocationEntry['kind'], value: string): readonly RevocationEntry[] => [
  { kind, value, issued_before: null, expires_at: seconds(2_000_000_000) },
]
const session = revoked('sid', 'sid-1')

async function between(listener: Parameters<typeof startUpstream>[0], require = 'optional'): Promise<TestGateway> {
  const upstream = await startUpstream(listener)
  const test = await startGateway(
    // The tests write requirements that there are.
    [
      {
        name: 's',
        audience: 's',
        upstream: [upstream.origin],
        routes: [{ path: '/**', require: require as 'optional' }],
      },
    ],
    { tuning: { tick: 50, revokedTicks: 3 } },
  )
  stops.push(test.stop, upstream.stop)
  return test
}

/** An answer that is still under way. */
interface Open {
  readonly response: IncomingMessage
  text(): string
  /** How it ended: `in order`, or `broken`. */
  readonly end: Promise<'in order' | 'broken'>
}

function open(test: TestGateway, token: string | undefined, path = '/'): Promise<Open> {
  const headers = {
    host: 'auth.test',
    connection: 'keep-alive',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: test.port, path, headers, agent: false }
    request(options, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('error', () => undefined)
      const end = new Promise<'in order' | 'broken'>((done) =>
        response.on('close', () => done(response.complete ? 'in order' : 'broken')),
      )
      resolve({ response, text: () => text, end })
    })
      .on('error', reject)
      .end()
  })
}

const events: Parameters<typeof startUpstream>[0] = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.write('data: first\n\n')
}

describe('an event stream', () => {
  it('ends in order when the session of its token ends, and the next one is another matter', async () => {
    let gone = false
    const test = await between((request_, response) => {
      events(request_, response)
      response.on('close', () => {
        gone = true
      })
    })
    const stream = await open(test, 'user')
    await until(() => stream.text().includes('first'))
    test.gateway.endRevoked(session)
    expect(await stream.end).toBe('in order')
    // The service hears of it, too.
    await until(() => gone && test.answers.length === 1)
    expect(test.answers).toMatchObject([{ status: 200 }])
  })

  it.each<[string, readonly RevocationEntry[]]>([
    ['the client', revoked('client', 'web')],
    ['the user', revoked('sub', 'usr_0123456789abcdefghijkl')],
    ['the one token', revoked('jti', 'jti-1')],
    ['the key', revoked('kid', 'key-1')],
  ])('ends with %s', async (_, entries) => {
    const test = await between(events)
    const stream = await open(test, 'user')
    test.gateway.endRevoked(entries)
    expect(await stream.end).toBe('in order')
  })

  it('goes on for others, and for those without a token', async () => {
    const test = await between(events)
    const [machine, nobody, user] = [await open(test, 'machine'), await open(test, undefined), await open(test, 'user')]
    await until(() => [machine, nobody, user].every((stream) => stream.text().includes('first')))
    test.gateway.endRevoked(revoked('client', 'web'))
    expect(await user.end).toBe('in order')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([machine.response.complete, nobody.response.complete, machine.response.destroyed]).toEqual([
      false,
      false,
      false,
    ])
  })

  it('does not begin where its headers come after the revocation', async () => {
    let answer = (): void => undefined
    const test = await between((request_, response) => {
      answer = () => void events(request_, response)
    })
    const asked = send(test.port, '/', { token: 'user' })
    await until(() => test.decisions.length === 1)
    test.gateway.endRevoked(session)
    answer()
    const { status, headers } = await asked
    expect([status, headers['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')])
  })
})

describe('any other answer', () => {
  it('is broken off where it has begun: nobody takes half for a whole', async () => {
    const test = await between((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/csv' })
      response.write('a,b\n')
    })
    const download = await open(test, 'user')
    await until(() => download.text() !== '')
    test.gateway.endRevoked(session)
    expect(await download.end).toBe('broken')
    expect(test.log).toMatchObject([{ code: 'invalid_token', reason: expect.stringContaining('revoked') }])
  })

  it('with events and a length is broken off, too: the length would be a lie', async () => {
    const test = await between((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': 1000 })
      response.write('data: first\n\n')
    })
    const stream = await open(test, 'user')
    test.gateway.endRevoked(session)
    expect(await stream.end).toBe('broken')
  })

  it('still comes where it is the answer to the request that has ended the session', async () => {
    const gateways: TestGateway[] = []
    const test = await between((_request, response) => {
      gateways[0]?.gateway.endRevoked(session)
      setTimeout(() => response.end('signed out'), 60)
    })
    gateways.push(test)
    expect(await send(test.port, '/sign-out', { token: 'user', method: 'POST' })).toMatchObject({
      status: 200,
      body: 'signed out',
    })
  })

  it('is refused when it has not begun a few ticks later', async () => {
    const test = await between(() => undefined)
    const asked = send(test.port, '/', { token: 'user' })
    await until(() => test.decisions.length === 1)
    test.gateway.endRevoked(session)
    expect((await asked).status).toBe(401)
  })
})

describe('a request that had to wait before it was let through', () => {
  it('is refused where the token was revoked meanwhile', async () => {
    const upstream = await startUpstream()
    let isRevoked = false
    const apps = {
      // The session is looked up in the store, and ends while that goes on.
      find: async (_host: string, cookie: string | undefined) => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        isRevoked = cookie === 'ends=now'
        return buildToken()
      },
      begin: () => Promise.reject(new Error('nobody looks at a page')),
      findForm: async () => undefined,
      showRefusal: () => ({ text: '', headers: [] }),
    }
    const service = {
      name: 's',
      audience: 's',
      upstream: [upstream.origin],
      session: 'cookie',
      host: 'app.test',
    } as const
    const routes = [{ path: '/**', require: 'token' }] as const
    const test = await startGateway([{ ...service, routes }], { dependencies: { isRevoked: () => isRevoked, apps } })
    stops.push(test.stop, upstream.stop)
    const ask = (cookie: string) => send(test.port, '/', { headers: { host: 'app.test', cookie } })
    expect((await ask('goes=on')).status).toBe(200)
    expect((await ask('ends=now')).status).toBe(401)
    expect(upstream.received).toHaveLength(1)
  })
})
