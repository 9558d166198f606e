import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { metadataUrl } from './discovery.ts'
import { createGuard, type GuardOptions } from './index.ts'
import { type IssuerServer, startIssuerServer } from './testing/issuer-server.ts'
import { createTestSigner, type Members, type TestSigner, testAudience } from './testing/test-issuer.ts'

let server: IssuerServer
let signer: TestSigner
let clock: ManualClock

beforeEach(async () => {
  server = await startIssuerServer()
  signer = createTestSigner()
  server.keys = [signer.jwk]
  clock = new ManualClock()
})
afterEach(() => server.stop())

const guardWith = (options: Partial<GuardOptions> = {}) =>
  createGuard({ issuer: server.issuer, audience: testAudience, clock, ...options })
/** Good for ten days, so that only the keys decide. */
const token = (by = signer, header: Members = {}): string =>
  by.token({ iss: server.issuer, exp: clock.now() + 864_000 }, header)
const isDown: IssuerServer['instead'] = (_request, response) => response.writeHead(503).end()
/** Lets a fetch that nobody waits for come to its end. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))

describe('discovery', () => {
  it.each([
    ['https://a.example', 'https://a.example/.well-known/oauth-authorization-server'],
    ['https://a.example/', 'https://a.example/.well-known/oauth-authorization-server'],
    ['https://a.example/t/1', 'https://a.example/.well-known/oauth-authorization-server/t/1'],
    ['https://a.example/t/', 'https://a.example/.well-known/oauth-authorization-server/t'],
  ])('of %s', (issuer, url) => {
    expect(metadataUrl(issuer)).toBe(url)
  })

  it('finds the keys of an issuer with a path', async () => {
    const tenant = await startIssuerServer('/tenant')
    tenant.keys = [signer.jwk]
    const guard = createGuard({ issuer: tenant.issuer, audience: testAudience, clock })
    await expect(guard.verify(signer.token({ iss: tenant.issuer }))).resolves.toBeDefined()
    expect(tenant.requests).toEqual(['GET /.well-known/oauth-authorization-server/tenant', 'GET /tenant/jwks'])
    await tenant.stop()
  })

  it.each([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['no issuer', { issuer: undefined }],
    ['no jwks_uri', { jwks_uri: undefined }],
    ['a jwks_uri that is no URL', { jwks_uri: 'jwks' }],
    ['a jwks_uri over http elsewhere', { jwks_uri: 'http://192.0.2.1/jwks' }],
    ['a jwks_uri of a file', { jwks_uri: 'file:///etc/passwd' }],
  ])('with %s is not believed', async (_, metadata) => {
    server.metadata = metadata
    if ('jwks_uri' in metadata && metadata.jwks_uri?.startsWith('http:')) {
      // The issuer of these tests is http itself; one that is https may not name an http address at all.
      const fetcher = (() =>
        Promise.resolve(Response.json({ issuer: 'https://a.example', ...metadata }))) as typeof fetch
      const guard = createGuard({ issuer: 'https://a.example', audience: testAudience, clock, fetch: fetcher })
      await expect(guard.verify(token())).rejects.toMatchObject({ reason: 'keys_unavailable' })
      return
    }
    await expect(guardWith().verify(token())).rejects.toMatchObject({ status: 503, reason: 'keys_unavailable' })
    expect(server.count('/jwks')).toBe(0)
  })

  it('is left out where the keys’ address is given', async () => {
    await expect(guardWith({ jwksUri: `${server.issuer}/jwks` }).verify(token())).resolves.toBeDefined()
    expect(server.requests).toEqual(['GET /jwks'])
  })
})

describe('the first fetch', () => {
  it('is one, however many wait for it', async () => {
    const guard = guardWith()
    await Promise.all(Array.from({ length: 50 }, () => guard.verify(token())))
    expect(server.requests).toEqual(['GET /.well-known/oauth-authorization-server', 'GET /jwks'])
  })

  it('that fails is 503, is not repeated by every request, and is made up for', async () => {
    const guard = guardWith()
    server.instead = isDown
    for (let count = 0; count < 10; count += 1) {
      await expect(guard.verify(token())).rejects.toMatchObject({ status: 503, reason: 'keys_unavailable' })
    }
    expect(server.requests.length).toBe(1)
    server.instead = undefined
    clock.advance(1)
    await expect(guard.verify(token())).resolves.toBeDefined()
  })

  it('waits longer after each failure, at most 30 s', async () => {
    const guard = guardWith()
    server.instead = isDown
    for (let second = 0; second < 120; second += 1) {
      await expect(guard.verify(token())).rejects.toMatchObject({ status: 503 })
      clock.advance(1)
    }
    // At 0, 1, 3, 7, 15, 31, 61 and 91 s.
    expect(server.requests.length).toBe(8)
  })

  const tooMuch = { keys: [], fill: 'x'.repeat(300_000) }
  it.each<[string, NonNullable<IssuerServer['instead']>]>([
    ['an error', isDown],
    ['a redirect', (_, response) => response.writeHead(302, { location: `${server.issuer}/jwks` }).end()],
    ['no JSON', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')],
    ['HTML', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{"keys":[]}')],
    ['a list', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[]')],
    ['no key', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')],
    [
      'more than 256 KB',
      (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(tooMuch)),
    ],
    [
      'half an answer',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
        response.write('{"keys":[')
        setTimeout(() => response.destroy(), 10)
      },
    ],
  ])('answered by %s is 503', async (_, instead) => {
    server.instead = instead
    const guard = guardWith({ jwksUri: `${server.issuer}/keys` })
    await expect(guard.verify(token())).rejects.toMatchObject({ status: 503, reason: 'keys_unavailable' })
    expect(server.requests).toEqual(['GET /keys'])
  })
})

describe('fresh and stale', () => {
  it.each([
    ['nothing', {}, 300],
    ['10 s', { 'cache-control': 'max-age=10' }, 60],
    ['no-store', { 'cache-control': 'no-store' }, 60],
    ['10 min', { 'cache-control': 'public, max-age=600' }, 600],
    ['a week', { 'cache-control': 'max-age=604800' }, 86_400],
  ])('Cache-Control of %s', async (_, headers, lifetime) => {
    server.keyHeaders = headers
    const guard = guardWith()
    const one = token()
    await guard.verify(one)
    clock.advance(lifetime - 1)
    await guard.verify(one)
    await settle()
    expect(server.count('/jwks')).toBe(1)
    clock.advance(1)
    await guard.verify(one)
    await settle()
    expect(server.count('/jwks')).toBe(2)
  })

  it('a stale set still answers while it is renewed, and a key that is gone then is gone', async () => {
    const guard = guardWith()
    const one = token()
    await guard.verify(one)
    server.keys = [createTestSigner('key-2').jwk]
    clock.advance(301)
    await expect(guard.verify(one)).resolves.toBeDefined()
    await settle()
    await expect(guard.verify(one)).rejects.toMatchObject({ reason: 'unknown_key' })
  })

  it('the last good keys carry the service while the issuer is away, for 24 h', async () => {
    const guard = guardWith()
    const one = token()
    await guard.verify(one)
    server.instead = isDown
    clock.advance(86_399)
    await expect(guard.verify(one)).resolves.toBeDefined()
    await settle()
    clock.advance(1)
    await expect(guard.verify(one)).rejects.toMatchObject({ status: 503, reason: 'keys_unavailable' })
    server.instead = undefined
    clock.advance(30)
    await expect(guard.verify(token())).resolves.toBeDefined()
  })
})

describe('an unknown key id (J6)', () => {
  it('brings in a key that was added since', async () => {
    const guard = guardWith()
    await guard.verify(token())
    const next = createTestSigner('key-2')
    server.keys = [signer.jwk, next.jwk]
    await expect(guard.verify(token(next))).resolves.toBeDefined()
    expect(server.count('/jwks')).toBe(2)
  })

  it('asks once in 30 s, whatever flood of them comes', async () => {
    const guard = guardWith()
    await guard.verify(token())
    const flood = (): Promise<unknown> =>
      Promise.allSettled(
        Array.from({ length: 500 }, (_, number) => guard.verify(token(signer, { kid: `none-${number}` }))),
      )
    await flood()
    await flood()
    clock.advance(29)
    await flood()
    expect(server.count('/jwks')).toBe(2)
    clock.advance(1)
    await flood()
    expect(server.count('/jwks')).toBe(3)
  })

  it('is refused, and costs no good token, while the issuer is away', async () => {
    const guard = guardWith()
    const one = token()
    await guard.verify(one)
    server.instead = isDown
    await expect(guard.verify(token(signer, { kid: 'none' }))).rejects.toMatchObject({ reason: 'unknown_key' })
    await expect(guard.verify(one)).resolves.toBeDefined()
  })
})
