import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { send, sendRaw } from '../fixtures/client.ts'
import { startGateway, type TestGateway } from '../fixtures/gateway-server.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'

// What the service sees when a client sends headers that only Gatehouse may send: attacks G1, G2, G4, G5, G7 and G15.
let upstream: TestUpstream
let test: TestGateway

beforeAll(async () => {
  upstream = await startUpstream((request, response) => {
    if (request.url === '/private/hops') {
      response.writeHead(200, [
        'Connection',
        'close, Cache-Control, X-Inner',
        'X-Inner',
        '1',
        'Cache-Control',
        'public',
      ])
    }
    response.end('ok')
  })
  const routes = [
    { path: '/private/{x}', require: 'token' },
    { path: '/public/{x}', require: 'nothing' },
    { path: '/optional/{x}', require: 'optional' },
  ] as const
  test = await startGateway([{ name: 'orders', audience: 'https://orders.test', upstream: [upstream.origin], routes }])
})
afterAll(async () => {
  await test.stop()
  await upstream.stop()
})
beforeEach(() => {
  upstream.received.length = 0
})

/** Every value that the service got under a name, whatever its spelling. */
function valuesOf(name: string): string[] {
  const raw = upstream.received.at(-1)?.rawHeaders ?? []
  const fold = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '-')
  return raw.filter((_, index) => index % 2 === 1 && fold(raw[index - 1] ?? '') === name)
}

const spellings = [
  'X-Gatehouse-Subject',
  'x-gatehouse-subject',
  'X_Gatehouse_Subject',
  'X-GATEHOUSE_SUBJECT',
  'x.gatehouse.subject',
]

describe('identity headers', () => {
  it.each(spellings)('forged as %s never arrive: one value, ours', async (name) => {
    await send(test.port, '/private/a', { token: 'user', headers: { [name]: ['usr_evil', 'usr_evil2'] } })
    expect(valuesOf('x-gatehouse-subject')).toEqual(['usr_0123456789abcdefghijkl'])
    await send(test.port, '/public/a', { token: 'user', headers: { [name]: 'usr_evil' } })
    expect(valuesOf('x-gatehouse-subject')).toEqual([''])
    await send(test.port, '/optional/a', { headers: { [name]: 'usr_evil' } })
    expect(valuesOf('x-gatehouse-subject')).toEqual([''])
  })

  it('are all set, also those that the token says nothing about', async () => {
    await send(test.port, '/private/a', {
      token: 'user',
      headers: { 'x-gatehouse-org': 'evil', 'x-gatehouse-roles': 'boss' },
    })
    expect(valuesOf('x-gatehouse-client')).toEqual(['web'])
    expect(valuesOf('x-gatehouse-scope')).toEqual([''])
    expect(valuesOf('x-gatehouse-roles')).toEqual([''])
    expect(valuesOf('x-gatehouse-session')).toEqual(['sid-1'])
    expect(valuesOf('x-gatehouse-org')).toEqual([''])
    await send(test.port, '/private/a', { token: 'clerk' })
    expect(valuesOf('x-gatehouse-roles')).toEqual(['clerk night%20shift'])
    expect(valuesOf('x-gatehouse-org')).toEqual(['Zo%C3%AB%20&%20Co'])
  })

  it('survive a Connection header that names them', async () => {
    const connection = 'close, X-Gatehouse-Subject, X-Forwarded-For, Authorization, Host, X-Request-Id, Accept'
    await send(test.port, '/private/a', { token: 'user', headers: { connection, accept: 'text/html', 'x-other': '1' } })
    expect(valuesOf('x-gatehouse-subject')).toEqual(['usr_0123456789abcdefghijkl'])
    expect(valuesOf('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(valuesOf('authorization')).toEqual(['Bearer identity-of-usr_0123456789abcdefghijkl-for-orders'])
    expect(valuesOf('host')).toEqual([upstream.origin.slice('http://'.length)])
    expect(valuesOf('x-request-id')[0]).toMatch(/^req_/)
    // A client may take its own end-to-end headers back.
    expect(valuesOf('accept')).toEqual([])
    expect(valuesOf('x-other')).toEqual(['1'])
  })
})

describe('the client’s credentials', () => {
  it('are replaced by a JWT for this service where there is a token, and removed where they are not looked at', async () => {
    await send(test.port, '/private/a', { token: 'user' })
    expect(valuesOf('authorization')).toEqual(['Bearer identity-of-usr_0123456789abcdefghijkl-for-orders'])
    expect(test.identities.at(-1)).toEqual({ service: 'orders', audience: 'https://orders.test' })
    await send(test.port, '/public/a', { token: 'user', headers: { 'proxy-authorization': 'Basic x' } })
    expect(valuesOf('authorization')).toEqual([])
    expect(valuesOf('proxy-authorization')).toEqual([])
    await send(test.port, '/optional/a')
    expect(valuesOf('authorization')).toEqual([])
  })

  it('keep other cookies and lose ours', async () => {
    const cookie = 'a=1; __Host-gatehouse_session=secret; b=2'
    await send(test.port, '/private/a', { token: 'user', headers: { cookie } })
    expect(valuesOf('cookie')).toEqual(['a=1; b=2'])
    await send(test.port, '/private/a', { token: 'user', headers: { cookie: 'gatehouse_session=secret' } })
    expect(valuesOf('cookie')).toEqual([])
  })
})

describe('forwarding headers', () => {
  it.each([
    'Forwarded',
    'X-Forwarded-Prefix',
    'X_Forwarded_User',
    'X-Forwarded-Uri',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'True-Client-IP',
    'Remote-User',
    'Content_Length',
  ])('%s of the client is dropped', async (name) => {
    await send(test.port, '/private/a', { token: 'user', headers: { [name]: '/public/a' } })
    expect(valuesOf(name.toLowerCase().replaceAll('_', '-'))).toEqual([])
  })

  it('are set afresh', async () => {
    const headers = { 'x-forwarded-for': '10.0.0.1', x_forwarded_proto: 'https', 'X-Forwarded-Host': 'evil.test' }
    await send(test.port, '/private/a', { token: 'user', headers: { ...headers, host: 'AUTH.test' } })
    expect(valuesOf('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(valuesOf('x-forwarded-proto')).toEqual(['http'])
    expect(valuesOf('x-forwarded-host')).toEqual(['auth.test'])
  })

  it('do not change the decision, nor does a health checker’s User-Agent', async () => {
    const headers = { 'x-forwarded-uri': '/public/a', 'x-original-url': '/public/a', 'user-agent': 'GoogleHC/1.0' }
    expect((await send(test.port, '/private/a', { headers })).status).toBe(401)
  })
})

describe('hop-by-hop headers', () => {
  it('end here, in both directions, and cannot undo what is set here', async () => {
    const lines = ['GET /private/hops HTTP/1.1', 'Host: auth.test', 'Authorization: Bearer user', 'TE: trailers']
    lines.push(
      'Connection: keep-alive, Upgrade, X-Hop',
      'Upgrade: h2c',
      'HTTP2-Settings: AAAA',
      'X-Hop: 1',
      'Keep-Alive: 9',
    )
    const { text } = await sendRaw(test.port, `${lines.join('\r\n')}\r\n\r\n`)
    expect(text).toContain(' 200 ')
    for (const name of ['te', 'upgrade', 'http2-settings', 'x-hop', 'keep-alive'])
      expect(valuesOf(name), name).toEqual([])
    expect(text.toLowerCase()).not.toContain('x-inner')
    expect(text.toLowerCase()).not.toContain('public')
    expect(text.toLowerCase()).toContain('cache-control: no-store')
  })
})
