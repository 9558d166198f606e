import { ManualClock, seconds } from '@gatehouse/core/time'
import { followRevocations } from '@gatehouse/guard/revocation-feed'
import { openStore } from '@gatehouse/store/store'
import { goBack } from '@gatehouse/store/testing/go-back'
import { startPostgres, type TestPostgres } from '@gatehouse/store/testing/postgres'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FeedClient, readFeed } from '../testing/feed-client.ts'
import { basic, claimsOf, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { buildEventId } from './feed-frames.ts'

let postgres: TestPostgres
let url: string
const clock = new ManualClock()
const closers: (() => unknown)[] = []

beforeAll(async () => {
  postgres = await startPostgres()
})
beforeEach(async () => {
  url = await postgres.newDatabase()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => postgres.stop())

/** A replica that hears of others by notifications alone: it does not look by itself each second, as the program does. */
async function startReplica(): Promise<StartedAuth> {
  const store = await openStore({ url, clock })
  const started = await startAuth({ store, clock, hint: (channel) => store.notify(channel) })
  const stopListening = await store.listen((channel) => {
    if (channel === 'revocations') void started.auth.revocations.follow().catch(() => {})
  })
  closers.push(async () => {
    await stopListening()
    await started.close()
  })
  return started
}

async function readCurrent(replica: StartedAuth, since = ''): Promise<FeedClient> {
  const feed = await readFeed(`${replica.url}/events/revocations${since}`, basic('service:orders', 'orders-secret'))
  closers.push(() => feed.close())
  await feed.until(() => feed.events.some(({ event }) => event === 'current'))
  return feed
}

const logOut = async (replica: StartedAuth): Promise<string> => {
  const { access_token } = await replica.signIn()
  await replica.postJson('/logout', {}, { authorization: `Bearer ${access_token}` })
  return String(claimsOf(access_token).sid)
}

it('tells at every replica of a logout at any of them, under the same numbers', async () => {
  const [near, far] = [await startReplica(), await startReplica()]
  const [nearFeed, farFeed] = [await readCurrent(near), await readCurrent(far)]
  const from = performance.now()
  const ended = await logOut(near)
  await farFeed.until(() => farFeed.values().includes(ended))
  await nearFeed.until(() => nearFeed.values().includes(ended))
  expect(performance.now() - from).toBeLessThan(1500)
  const id = nearFeed.events.at(-1)?.id
  expect(farFeed.events.at(-1)?.id).toBe(id)
  // Who has read at one replica resumes at another.
  const other = await logOut(far)
  await nearFeed.until(() => nearFeed.values().includes(other))
  const resumed = await readCurrent(near, `?since=${id}`)
  expect(resumed.values()).toContain(other)
  expect(resumed.values()).not.toContain(ended)
})

it('catches up by number once its connection for notifications is back, whatever it has missed', async () => {
  const [near, far] = [await startReplica(), await startReplica()]
  const farFeed = await readCurrent(far)
  expect(await postgres.endListeners(url)).toBe(2)
  // Within the gap: nobody is told.
  const values = await Promise.all([logOut(near), logOut(near)])
  await farFeed.until(() => values.every((value) => farFeed.values().includes(value)))
  // And afterwards each is told once more.
  const later = await logOut(near)
  await farFeed.until(() => farFeed.values().includes(later))
  expect(new Set(farFeed.values()).size).toBe(farFeed.values().length)
})

it('tells of a revocation that expires long before a replica starts by its number alone', async () => {
  const near = await startReplica()
  const { auth, store } = near
  await auth.revocations.write(store, [
    { kind: 'jti', value: 'expired', issued_before: null, expires_at: seconds(clock.now() - 10) },
  ])
  const far = await startReplica()
  const id = buildEventId(await store.revocations.last())
  expect((await readCurrent(far)).events).toEqual([{ id, event: 'current', data: { seq: Number(id) } }])
})

it('lets a reader that lacks nothing resume at a replica that has just started', async () => {
  const near = await startReplica()
  await Promise.all([logOut(near), logOut(near)])
  await near.auth.revocations.follow()
  const feed = await readCurrent(near)
  const id = feed.events.at(-1)?.id
  const resumed = await readCurrent(await startReplica(), `?since=${id}`)
  expect([resumed.values(), resumed.events.at(-1)?.id]).toEqual([[], id])
})

it('ends its readers where the database went back, and tells them everything when they return', async () => {
  const [near, far] = [await startReplica(), await startReplica()]
  await logOut(near)
  const base = (await near.store.revocations.last())?.seq ?? 0
  await logOut(near)
  await far.auth.revocations.follow()
  const feed = await readCurrent(far)
  const id = feed.events.at(-1)?.id
  await goBack(url, base)
  // One under the numbers that the reader has had, others under greater ones.
  const ended = [await logOut(near), await logOut(near)]
  await far.auth.revocations.follow()
  expect(await feed.ended).toBe(true)
  for (const replica of [near, far]) {
    const again = await readCurrent(replica, `?since=${id}`)
    expect(again.values()).toEqual(expect.arrayContaining(ended))
  }
})

it('tells a guard, after a restore, what was revoked under numbers that it had read before', async () => {
  let server = await startReplica()
  const guard = followRevocations({
    // The one member of the answer that is read.
    discovery: {
      get: async () => ({ revocationFeedEndpoint: `${server.url}/events/revocations` }),
      forget: () => {},
    } as unknown as Parameters<typeof followRevocations>[0]['discovery'],
    client: { id: 'service:orders', secret: 'orders-secret' },
    fetch,
    clock,
    lostAfter: 15,
    pauses: { first: 10, most: 50 },
  })
  closers.push(() => guard.close())
  const isRevoked = (sid: string) =>
    guard.isRevoked({ claims: { sid, iat: 0 } } as Parameters<typeof guard.isRevoked>[0])
  await logOut(server)
  const backup = (await server.store.revocations.last())?.seq ?? 0
  const lost = [await logOut(server), await logOut(server)]
  await expect.poll(() => lost.every(isRevoked)).toBe(true)
  // The server stops, is restored and goes on, beyond the numbers of before, while the guard cannot reach it.
  const before = server
  server = { ...before, url: 'http://127.0.0.1:9' }
  before.auth.feed.close()
  await goBack(url, backup)
  const restored = await startReplica()
  const missed = [await logOut(restored), await logOut(restored), await logOut(restored)]
  expect(missed.some(isRevoked)).toBe(false)
  server = restored
  await expect.poll(() => missed.every(isRevoked), { timeout: 3000 }).toBe(true)
})
