import type { RevocationEntry } from '@gatehouse/core/contracts'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDiscovery } from './discovery.ts'
import { createGuard, type Guard, type GuardOptions } from './index.ts'
import { type FollowedFeed, followRevocations } from './revocation-feed.ts'
import { type IssuerServer, startIssuerServer } from './testing/issuer-server.ts'
import { createTestSigner, type Members, type TestSigner, testAudience, testNow } from './testing/test-issuer.ts'

const client = { id: 'service:orders', secret: 's/ecret' }
const entry = (kind: RevocationEntry['kind'], value: string, rest: Partial<RevocationEntry> = {}): RevocationEntry => ({
  kind,
  value,
  issued_before: null,
  expires_at: seconds(testNow + 300),
  ...rest,
})

let server: IssuerServer
let signer: TestSigner
let clock: ManualClock
const closers: (() => void)[] = []

beforeEach(async () => {
  server = await startIssuerServer()
  signer = createTestSigner()
  server.keys = [signer.jwk]
  clock = new ManualClock()
})
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  await server.stop()
})

const guardWith = (options: Partial<GuardOptions> = {}): Guard => {
  const guard = createGuard({ issuer: server.issuer, audience: testAudience, clock, client, ...options })
  closers.push(() => guard.close())
  return guard
}
const currentGuard = async (options: Partial<GuardOptions> = {}): Promise<Guard> => {
  const guard = guardWith(options)
  await expect.poll(() => guard.isCurrent).toBe(true)
  return guard
}
const follow = (lostAfter: number, overrides: { fetch?: typeof fetch } = {}): FollowedFeed => {
  const discovery = createDiscovery({ issuer: server.issuer, fetch, allowHttp: false })
  const real = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
  const pauses = { first: 20, most: 50 }
  const feed = followRevocations({ discovery, client, fetch, clock: real, lostAfter, pauses, ...overrides })
  closers.push(() => feed.close())
  return feed
}
const token = (claims: Members = {}, header: Members = {}): string =>
  signer.token({ iss: server.issuer, ...claims }, header)
const revoked = { code: 'invalid_token', reason: 'revoked', status: 401 }
/** What introspection does not call active. */
const notActive = { ...revoked, reason: 'not_active' }

describe('a guard that follows the feed', () => {
  it('follows it wherever it has a client, and answers without asking anybody', async () => {
    server.feed.entries = [entry('sid', 'ended before')]
    const guard = await currentGuard()
    await expect(guard.verify(token({ sid: 'ended before' }))).rejects.toMatchObject(revoked)
    const good = token({ sid: 'live' })
    await expect(guard.verify(good)).resolves.toBeDefined()
    server.feed.tell(entry('sid', 'live'))
    await expect
      .poll(() =>
        guard.verify(good).then(
          () => 'good',
          ({ reason }) => reason,
        ),
      )
      .toBe('revoked')
    await expect(guard.check(good)).rejects.toMatchObject(revoked)
    await expect(guard.authorize({ authorization: `Bearer ${good}` })).rejects.toMatchObject(revoked)
    expect(server.count('/introspect')).toBe(0)
  })

  it.each<[RevocationEntry['kind'], string]>([
    ['sid', 'session-1'],
    ['gid', 'grant-1'],
    ['client', 'web'],
    ['sub', 'usr_AAAAAAAAAAAAAAAAAAAAAA'],
    ['kid', 'key-1'],
  ])('refuses access tokens and identities of the gateway by their %s', async (kind, value) => {
    server.feed.entries = [entry(kind, value)]
    const guard = await currentGuard()
    await expect(guard.verify(token())).rejects.toMatchObject(revoked)
    await expect(guard.verify(token({}, { typ: 'gatehouse-identity+jwt' }))).rejects.toMatchObject(revoked)
  })

  it('forgets nothing while the clock is ahead: it may come back', async () => {
    server.feed.entries = [entry('sid', 'ended')]
    const guard = await currentGuard()
    clock.set(3600)
    expect(guard.isCurrent).toBe(false)
    server.feed.send(': alive\n\n')
    await expect.poll(() => guard.isCurrent).toBe(true)
    clock.set(-3600)
    server.feed.send(': alive\n\n')
    await expect.poll(() => guard.isCurrent).toBe(true)
    await expect(guard.verify(token({ sid: 'ended' }))).rejects.toMatchObject(revoked)
  })

  it('refuses only what was issued before, where the entry says so', async () => {
    server.feed.entries = [entry('sub', 'batch', { issued_before: seconds(testNow - 10) })]
    const guard = await currentGuard()
    await expect(guard.verify(token({ sub: 'batch', iat: testNow - 10 }))).rejects.toMatchObject(revoked)
    await expect(guard.verify(token({ sub: 'batch', iat: testNow - 9 }))).resolves.toBeDefined()
  })
})

describe('while the feed is not current', () => {
  it('asks about each token until everything has been told, and not after that', async () => {
    server.feed.completes = false
    server.introspect = () => ({ active: false })
    const guard = guardWith()
    await expect.poll(() => server.feed.readers.size).toBe(1)
    await expect(guard.verify(token())).rejects.toMatchObject(notActive)
    expect([guard.isCurrent, server.count('/introspect')]).toEqual([false, 1])
    server.feed.send('id: 0\nevent: current\ndata: {}\n\n')
    await expect.poll(() => guard.isCurrent).toBe(true)
    await expect(guard.verify(token())).resolves.toBeDefined()
    expect(server.count('/introspect')).toBe(1)
  })

  it('asks once there was no sign of life for longer than the bound, by the clock', async () => {
    const guard = await currentGuard()
    server.introspect = () => ({ active: false })
    clock.advance(15)
    await expect(guard.verify(token())).resolves.toBeDefined()
    clock.advance(1)
    await expect(guard.verify(token())).rejects.toMatchObject(notActive)
    server.feed.send(': alive\n\n')
    await expect.poll(() => guard.isCurrent).toBe(true)
    await expect(guard.verify(token({ iat: testNow }))).resolves.toBeDefined()
  })

  it('believes nothing when the clock was set back', async () => {
    const guard = await currentGuard()
    clock.advance(-1)
    expect(guard.isCurrent).toBe(false)
  })

  it('refuses everything where it is told to, identities too, and asks nobody', async () => {
    const guard = await currentGuard({ whenFeedIsLost: 'refuse' })
    await expect(guard.verify(token())).resolves.toBeDefined()
    clock.advance(16)
    const lost = { code: 'temporarily_unavailable', reason: 'feed_lost', status: 503 }
    await expect(guard.verify(token())).rejects.toMatchObject(lost)
    await expect(guard.check(token())).rejects.toMatchObject(lost)
    await expect(guard.verify(token({}, { typ: 'gatehouse-identity+jwt' }))).rejects.toMatchObject(lost)
    expect(server.count('/introspect')).toBe(0)
  })

  it('lets nothing through when the issuer does not answer at all', async () => {
    const guard = await currentGuard()
    await guard.verify(token())
    server.instead = (_request, response) => void response.writeHead(500).end()
    clock.advance(16)
    await expect(guard.verify(token())).rejects.toMatchObject({ status: 503, reason: 'introspection_unavailable' })
  })

  it('still refuses what it knows to be revoked, without a question', async () => {
    server.feed.entries = [entry('sid', 'ended', { expires_at: seconds(testNow + 900) })]
    const guard = await currentGuard()
    clock.advance(16)
    await expect(guard.verify(token({ sid: 'ended' }))).rejects.toMatchObject(revoked)
    expect(server.count('/introspect')).toBe(0)
  })

  it('lets identities of the gateway through where asking is the way: it has looked itself', async () => {
    const guard = await currentGuard()
    server.introspect = () => ({ active: false })
    clock.advance(16)
    await expect(guard.verify(token({}, { typ: 'gatehouse-identity+jwt' }))).resolves.toBeDefined()
  })

  it('is not current after close, and lets go of the connection', async () => {
    const guard = await currentGuard()
    guard.close()
    expect(guard.isCurrent).toBe(false)
    await expect.poll(() => server.feed.readers.size).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(server.feed.resumed).toHaveLength(1)
  })

  it('asks where the issuer has no feed', async () => {
    server.metadata = { revocation_feed_endpoint: undefined }
    server.introspect = () => ({ active: false })
    const guard = guardWith()
    await expect(guard.verify(token())).rejects.toMatchObject(notActive)
    expect(guard.isCurrent).toBe(false)
  })
})

describe('the connection', () => {
  it('comes back when it is cut, resumes where it was, and is current all the while', async () => {
    server.feed.seq = 41
    const feed = follow(2)
    await expect.poll(() => feed.isCurrent, { interval: 10 }).toBe(true)
    server.feed.tell(entry('sid', 'a'))
    await expect.poll(() => isRevoked(feed, { sid: 'a' })).toBe(true)
    for (const reader of server.feed.readers) reader.destroy()
    expect(feed.isCurrent).toBe(true)
    await expect.poll(() => server.feed.resumed).toEqual([undefined, '42'])
    await expect.poll(() => server.feed.readers.size).toBe(1)
    expect(isRevoked(feed, { sid: 'a' })).toBe(true)
  })

  it('does not resume from the middle of a snapshot', async () => {
    server.feed.completes = false
    server.feed.entries = [entry('sid', 'a')]
    const feed = follow(2)
    await expect.poll(() => isRevoked(feed, { sid: 'a' })).toBe(true)
    for (const reader of server.feed.readers) reader.destroy()
    await expect.poll(() => server.feed.resumed).toEqual([undefined, undefined])
    expect(feed.isCurrent).toBe(false)
  })

  it('finds a connection that is dead: one that says nothing at all', async () => {
    const feed = follow(0.3)
    await expect.poll(() => feed.isCurrent, { interval: 10 }).toBe(true)
    // So that the next connection does not bring it back at once.
    server.feed.completes = false
    await expect.poll(() => feed.isCurrent).toBe(false)
    await expect.poll(() => server.feed.resumed.length).toBeGreaterThan(1)
    await expect.poll(() => server.feed.readers.size).toBe(1)
  })

  it('is left alone for as long as something comes', async () => {
    const feed = follow(0.4)
    const beats = setInterval(() => server.feed.send(': alive\n\n'), 50)
    closers.push(() => clearInterval(beats))
    await expect.poll(() => feed.isCurrent, { interval: 10 }).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect([feed.isCurrent, server.feed.resumed.length]).toEqual([true, 1])
  })

  it('is not current by a sign of life alone: everything has to be told on this connection first', async () => {
    const feed = follow(0.3)
    await expect.poll(() => feed.isCurrent, { interval: 10 }).toBe(true)
    server.feed.completes = false
    for (const reader of server.feed.readers) reader.destroy()
    await expect.poll(() => server.feed.resumed.length).toBe(2)
    const beats = setInterval(() => server.feed.send(': alive\n\n'), 20)
    closers.push(() => clearInterval(beats))
    await expect.poll(() => feed.isCurrent).toBe(false)
  })

  it.each([
    [
      'an entry of a kind that is not known here',
      'event: revoked\ndata: [{"kind":"tenant","value":"a","issued_before":null,"expires_at":1900000000}]\n\n',
    ],
    ['an entry without an end', 'event: revoked\ndata: [{"kind":"sid","value":"a","issued_before":null}]\n\n'],
    ['what is no list', 'event: revoked\ndata: {}\n\n'],
    ['what is no JSON', 'event: revoked\ndata: [\n\n'],
    ['an id that is no number', 'id: abc\nevent: current\ndata: {}\n\n'],
  ])('is cut at %s: what cannot be read cannot be applied', async (_, text) => {
    const feed = follow(0.3)
    await expect.poll(() => feed.isCurrent, { interval: 10 }).toBe(true)
    const old = [...server.feed.readers]
    server.feed.completes = false
    server.feed.send(text)
    await expect.poll(() => old.some((reader) => server.feed.readers.has(reader))).toBe(false)
    await expect.poll(() => feed.isCurrent).toBe(false)
    expect(feed.lastFailure).toBeDefined()
  })

  it.each([
    ['another status', { status: 403, type: 'text/event-stream' }],
    ['another type', { status: 200, type: 'text/html' }],
  ])('believes no answer of %s', async (_, { status, type }) => {
    const feed = follow(1, {
      fetch: async (input, init) =>
        String(input).endsWith('/feed')
          ? new Response('event: current\nid: 1\ndata: {}\n\n', { status, headers: { 'content-type': type } })
          : fetch(input, init),
    })
    await expect.poll(() => feed.lastFailure).toBeDefined()
    expect(feed.isCurrent).toBe(false)
  })
})

const isRevoked = (feed: FollowedFeed, claims: Members): boolean =>
  // As much of a token as the set looks at.
  feed.isRevoked({
    kid: 'key-1',
    claims: { iat: testNow, ...claims } as unknown as Parameters<FollowedFeed['isRevoked']>[0]['claims'],
  })
