import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { type FeedClient, readFeed } from '../testing/feed-client.ts'
import { basic, claimsOf, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { buildEventId } from './feed-frames.ts'
import type { FeedTuning } from './revocation-feed.ts'

const orders = basic('service:orders', 'orders-secret')
let started: StartedAuth
let clients: FeedClient[] = []

const start = async (feed: Partial<FeedTuning> = {}): Promise<void> => {
  started = await startAuth({
    feed,
    clients: [
      { id: 'watcher', secret: 'watcher-secret', introspects: ['https://auth.example.com/orders'] },
      {
        id: 'pairwise-watcher',
        secret: 'pairwise-watcher-secret',
        introspects: ['https://auth.example.com/orders'],
        metadata: { subject_type: 'pairwise', redirect_uris: ['https://pairwise.example.com/cb'] },
        permissions: noPermissions,
      },
    ],
  })
}
beforeEach(() => {
  clients = []
})
afterEach(async () => {
  for (const client of clients) client.close()
  await started.close()
})

const read = async (headers: Record<string, string> = orders, query = ''): Promise<FeedClient> => {
  const client = await readFeed(`${started.url}/events/revocations${query}`, headers)
  clients.push(client)
  return client
}
const isCurrent = (client: FeedClient): boolean => client.events.some(({ event }) => event === 'current')
const readCurrent = async (query = '', headers: Record<string, string> = orders): Promise<FeedClient> => {
  const client = await read(headers, query)
  await client.until(() => isCurrent(client))
  return client
}
const revoke = async (...values: string[]): Promise<void> => {
  const { store, auth, clock } = started
  const entries = values.map((value) => ({
    kind: 'jti' as const,
    value,
    issued_before: null,
    expires_at: seconds(clock.now() + 300),
  }))
  await auth.revocations.announce(await auth.revocations.write(store, entries))
  // What is announced is read at once, but not within this very moment.
  await auth.revocations.follow()
}
/** What the feed calls the entry of a number. */
const idOf = async (seq: number): Promise<string> => buildEventId((await started.store.revocations.from(seq, 1))[0])
const lastId = (client: FeedClient): string => client.events.findLast(({ id }) => id !== undefined)?.id ?? ''

describe('what a reader is told', () => {
  it('tells everything that is revoked, then that this was all, then what comes', async () => {
    await start()
    await revoke('before')
    const feed = await readCurrent()
    expect([feed.status, feed.headers['content-type'], feed.headers['cache-control']]).toEqual([
      200,
      'text/event-stream',
      'no-store',
    ])
    expect(feed.text()).toMatch(/^retry: 1000\n\n/)
    expect(feed.events).toEqual([
      {
        id: undefined,
        event: 'revoked',
        data: [{ kind: 'jti', value: 'before', issued_before: null, expires_at: started.clock.now() + 300 }],
      },
      { id: await idOf(1), event: 'current', data: { seq: Number(await idOf(1)) } },
    ])
    await revoke('after', 'and another')
    await feed.until(() => feed.values().length === 3)
    expect(feed.events.at(-1)).toMatchObject({ id: await idOf(3), event: 'revoked' })
    expect(feed.values()).toEqual(['before', 'after', 'and another'])
  })

  it('tells of a logout at once', async () => {
    await start()
    const feed = await readCurrent()
    const { access_token } = await started.signIn()
    await started.postJson('/logout', {}, { authorization: `Bearer ${access_token}` })
    await feed.until(() => feed.values().includes(String(claimsOf(access_token).sid)))
  })

  it('leaves out what has expired', async () => {
    await start()
    await revoke('old')
    started.clock.advance(301)
    await revoke('new')
    expect((await readCurrent()).values()).toEqual(['new'])
  })

  it('takes a snapshot apart into events of a bounded size, none of which one could resume from', async () => {
    await start()
    await revoke(...Array.from({ length: 2500 }, (_, index) => `many-${index}`))
    const feed = await readCurrent()
    const parts = feed.events.filter(({ event }) => event === 'revoked')
    expect(parts.map(({ id, data }) => [id, (data as unknown[]).length])).toEqual([
      [undefined, 1000],
      [undefined, 1000],
      [undefined, 500],
    ])
    expect(new Set(feed.values()).size).toBe(2500)
  })

  it('tells nothing of what another process has announced but nobody has read, so that no number is skipped', async () => {
    await start()
    const { auth, store } = started
    const feed = await readCurrent()
    const entry = { kind: 'jti' as const, issued_before: null, expires_at: seconds(started.clock.now() + 300) }
    const [first, second] = await auth.revocations.write(store, [
      { ...entry, value: 'first' },
      { ...entry, value: 'second' },
    ])
    if (!first || !second) throw new Error('nothing was written')
    // Only the second one is announced here; the first is another process's.
    await auth.revocations.announce([second])
    await feed.until(() => feed.values().length > 0)
    expect(feed.values()).toEqual(['first', 'second'])
  })

  it('gives signs of life', async () => {
    await start({ heartbeat: 30 })
    const feed = await readCurrent()
    await feed.until(() => feed.text().endsWith(': alive\n\n'))
  })
})

describe('resuming', () => {
  it('tells only what came since, whether by header or by query', async () => {
    await start()
    await revoke('a', 'b')
    const first = await readCurrent()
    first.close()
    await revoke('c')
    const byHeader = await readCurrent('', { ...orders, 'last-event-id': lastId(first) })
    expect(byHeader.values()).toEqual(['c'])
    expect((await readCurrent(`?since=${await idOf(1)}`)).values()).toEqual(['b', 'c'])
    expect((await readCurrent(`?since=${await idOf(3)}`)).values()).toEqual([])
    // The header is what browsers and libraries send by themselves when they come back.
    const twice = await readCurrent(`?since=${await idOf(1)}`, { ...orders, 'last-event-id': await idOf(2) })
    expect(twice.values()).toEqual(['c'])
  })

  it('tells everything to somebody who is too far behind, or ahead of a database that was restored', async () => {
    await start({ logLength: 5 })
    for (let round = 0; round < 4; round += 1) await revoke(...['x', 'y', 'z'].map((name) => name + round))
    expect((await readCurrent(`?since=${await idOf(1)}`)).values()).toHaveLength(12)
    expect((await readCurrent(`?since=${await idOf(11)}`)).values()).toEqual(['z3'])
    expect((await readCurrent('?since=123450000000999')).values()).toHaveLength(12)
  })

  it('tells everything to somebody who had another entry under that number, or says a number alone', async () => {
    await start()
    await revoke('a', 'b', 'c')
    const id = await idOf(2)
    // As it was before a backup was restored: who has it lacks what came instead of what was lost.
    const [entry] = await started.store.revocations.from(2, 1)
    const lost = buildEventId(entry && { ...entry, value: 'lost' })
    expect(lost).not.toBe(id)
    expect((await readCurrent(`?since=${lost}`)).values()).toEqual(['a', 'b', 'c'])
    expect((await readCurrent('?since=2')).values()).toEqual(['a', 'b', 'c'])
    expect((await readCurrent(`?since=${id}`)).values()).toEqual(['c'])
  })

  it('gives ids that guards of every version can send back: fifteen digits, which a number keeps', async () => {
    await start()
    await revoke('a')
    const id = await idOf(1)
    expect(id).toMatch(/^[1-9]\d{4}0{9}1$/)
    expect(String(Number(id))).toBe(id)
  })

  it('resumes from before the first entry', async () => {
    await start()
    const empty = await readCurrent()
    expect(lastId(empty)).toBe('0')
    await revoke('a', 'b')
    expect((await readCurrent('?since=0')).values()).toEqual(['a', 'b'])
  })

  it('reads the table first where another replica was ahead', async () => {
    await start()
    const { auth, store, clock } = started
    const entry = { kind: 'sid' as const, issued_before: null, expires_at: seconds(clock.now() + 300) }
    await auth.revocations.write(store, [{ ...entry, value: 'old' }])
    await auth.revocations.write(store, [{ ...entry, value: 'unread' }])
    const feed = await readCurrent(`?since=${await idOf(2)}`)
    expect(feed.events.map(({ id, event }) => [id, event])).toEqual([[await idOf(2), 'current']])
  })

  it('refuses what is no number', async () => {
    await start()
    for (const since of ['-1', '1e9', 'abc', '1'.repeat(16)]) {
      expect((await read(orders, `?since=${since}`)).status).toBe(400)
    }
  })
})

describe('who may read', () => {
  it('serves services and clients that answer for an audience, and nobody else', async () => {
    await start()
    expect((await read(basic('watcher', 'watcher-secret'))).status).toBe(200)
    expect((await read({})).status).toBe(401)
    expect((await read(basic('service:orders', 'wrong'))).status).toBe(401)
    expect((await read(basic('nobody', 'wrong'))).headers['www-authenticate']).toContain('Basic')
    // It may introspect its own tokens, and that is no reason to tell it who signs out.
    expect((await read(basic('reports', 'reports-secret'))).status).toBe(403)
    expect((await read(basic('pairwise-watcher', 'pairwise-watcher-secret'))).status).toBe(403)
    const { access_token } = await started.signIn()
    expect((await read({ authorization: `Bearer ${access_token}` })).status).toBe(401)
  })

  it('serves clients that prove themselves in a form by POST, and takes no credential from the query', async () => {
    await start()
    await revoke('a', 'b')
    const url = `${started.url}/events/revocations`
    const form = { client_id: 'watcher', client_secret: 'watcher-secret' }
    const feed = await readFeed(`${url}?since=${await idOf(1)}`, {}, form)
    clients.push(feed)
    await feed.until(() => isCurrent(feed))
    expect(feed.values()).toEqual(['b'])
    const refused = [
      await readFeed(url, {}, { ...form, client_secret: 'wrong' }),
      await readFeed(url, {}, { client_id: 'desk-app' }),
      await readFeed(`${url}?${new URLSearchParams(form)}`),
    ]
    clients.push(...refused)
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401])
  })

  it('ends the stream of a client that is revoked', async () => {
    await start()
    const [ended, other] = [await readCurrent('', basic('watcher', 'watcher-secret')), await readCurrent()]
    const { auth, store, clock } = started
    await auth.revocations.announce(
      await auth.revocations.write(store, [
        { kind: 'client', value: 'watcher', issued_before: null, expires_at: seconds(clock.now() + 300) },
      ]),
    )
    expect(await ended.ended).toBe(true)
    await other.until(() => other.values().includes('watcher'))
  })

  it('ends a stream after a while, so that credentials are looked at again', async () => {
    await start({ lifetime: 50, heartbeat: 20 })
    expect(await (await readCurrent()).ended).toBe(true)
  })
})

describe('bounds', () => {
  it('serves so many readers, and so many of one client', async () => {
    await start({ maxReaders: 3, maxReadersOfClient: 2 })
    await Promise.all([readCurrent(), readCurrent()])
    const third = await read()
    expect([third.status, third.headers['retry-after']]).toEqual([503, '1'])
    const watcher = await readCurrent('', basic('watcher', 'watcher-secret'))
    expect((await read(basic('watcher', 'watcher-secret'))).status).toBe(503)
    watcher.close()
    await expect.poll(() => started.auth.feed.readers).toBe(2)
    expect((await read(basic('watcher', 'watcher-secret'))).status).toBe(200)
  })

  it('cuts a reader that takes nothing, keeps nothing for it, and lets it resume', async () => {
    await start({ heartbeat: 20, patience: 100 })
    const [slow, fast] = [await readCurrent(), await readCurrent()]
    slow.pause()
    const value = 'x'.repeat(500)
    // More than the sockets in between hold.
    for (let round = 0; round < 20; round += 1) {
      await revoke(...Array.from({ length: 1000 }, (_, index) => `${round}-${index}-${value}`))
    }
    await fast.until(() => fast.values().length === 20_000)
    await expect.poll(() => started.auth.feed.readers).toBe(1)
    slow.resume()
    expect(await slow.ended).toBe(false)
    const again = await readCurrent('', { ...orders, 'last-event-id': lastId(slow) })
    expect(new Set([...slow.values(), ...again.values()]).size).toBe(20_000)
  })

  it('tells a thousand readers within a second', async () => {
    await start()
    const feeds = await Promise.all(Array.from({ length: 1000 }, () => readCurrent()))
    const from = performance.now()
    await revoke('everybody')
    await Promise.all(feeds.map((feed) => feed.until(() => feed.values().includes('everybody'))))
    expect(performance.now() - from).toBeLessThan(1000)
  })

  it('ends every reader when the process stops, and takes no more', async () => {
    await start()
    const feed = await readCurrent()
    started.auth.feed.close()
    expect(await feed.ended).toBe(true)
    expect((await read()).status).toBe(503)
  })

  it('answers HEAD without holding on to anybody', async () => {
    await start()
    const answer = await fetch(`${started.url}/events/revocations`, { method: 'HEAD', headers: orders })
    expect([answer.status, started.auth.feed.readers]).toEqual([200, 0])
  })
})
