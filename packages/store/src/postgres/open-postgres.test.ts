import type { GrantId } from '@gatehouse/core/brand'
import { newGrantId } from '@gatehouse/core/random'
import { ManualClock, seconds } from '@gatehouse/core/time'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { UserRow } from '../rows.ts'
import { openStore, type Store } from '../store.ts'
import { openNetworkPath } from '../testing/network-path.ts'
import { startPostgres, type TestPostgres } from '../testing/postgres.ts'
import { buildGrant, buildSession, buildUser, start } from '../testing/rows.ts'
import { openPostgres } from './open-postgres.ts'

let postgres: TestPostgres
const clock = new ManualClock()
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  postgres = await startPostgres()
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => postgres.stop())

async function openNew(url?: string): Promise<Store> {
  const store = await openStore({ url: url ?? (await postgres.newDatabase()), clock })
  opened.push(store)
  await store.migrate()
  return store
}

/** Runs something as an administrator of the server would. */
async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

async function elapsed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}

const unavailable = { code: 'temporarily_unavailable', message: 'Temporarily unavailable; try again later' }
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('a server that was stopped', () => {
  it('gives temporarily_unavailable within 1 s for everything, and all is well once it is back', async () => {
    const store = await openNew()
    const grant = buildGrant()
    await store.grants.insert(grant)
    await postgres.pause()
    try {
      for (const ask of [
        () => store.ping(),
        () => store.users.count(),
        () => store.grants.find(grant.id),
        () => store.transaction(({ users }) => users.insert(buildUser())),
        () => store.revocations.append([{ kind: 'sid', value: 's', issued_before: null, expires_at: start }]),
      ]) {
        expect(await elapsed(() => expect(ask()).rejects.toMatchObject(unavailable))).toBeLessThan(1000)
      }
    } finally {
      await postgres.resume()
    }
    await store.ping()
    expect(await store.grants.find(grant.id)).toEqual(grant)
  })
})

describe('a server that breaks connections', () => {
  const breakAll = () =>
    administer("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatehouse'")

  it('fails what is under way and nothing after, and never ends the process', async () => {
    const store = await openNew()
    const user = buildUser()
    await store.users.count()
    await breakAll()
    await wait(50)
    expect(await store.users.count()).toBe(0)
    const failed = store.transaction(async ({ users }) => {
      await users.insert(user)
      await breakAll()
      await wait(50)
      await users.count()
    })
    await expect(failed).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(await store.users.findById(user.id)).toBeUndefined()
  })

  it('calls every channel once the listener is back, since it may have missed a hint', async () => {
    const store = await openNew()
    const heard: string[] = []
    const stop = await store.listen((channel) => heard.push(channel))
    await breakAll()
    await expect.poll(() => heard, { timeout: 5000 }).toEqual(['revocations', 'signing-keys'])
    await store.notify('revocations')
    await expect.poll(() => heard.length, { timeout: 5000 }).toBe(3)
    await stop()
  })
})

describe('a server that is far away', () => {
  const openFar = async (isPatient?: () => boolean) => {
    const url = new URL(await postgres.newDatabase())
    const way = await openNetworkPath(Number(url.port))
    url.port = String(way.port)
    return { way, store: await openStore({ url: url.href, clock, isPatient }) }
  }

  it('gets connections again after they broke: who asked for one is refused within 1 s, and the next one has it', async () => {
    const { way, store } = await openFar()
    await store.migrate()
    way.slow(450) // two round trips, or three by SCRAM
    way.breakAll()
    await wait(50)
    expect(await elapsed(() => expect(store.users.count()).rejects.toMatchObject(unavailable))).toBeLessThan(1000)
    await wait(1000)
    expect(await store.users.count()).toBe(0)
    await store.close()
    await way.close()
  })

  it('is waited for by a command and by a start', async () => {
    const { way, store } = await openFar(() => true)
    await store.migrate()
    way.slow(1500)
    way.breakAll()
    await wait(50)
    expect(await store.users.count()).toBe(0)
    await store.close()
    await way.close()
  })

  it('is waited for by who migrates', async () => {
    const { way, store } = await openFar()
    await store.pendingMigrations() // has a connection
    way.slow(450)
    const migrated = store.migrate()
    await wait(1500)
    way.slow(0)
    expect(await migrated).not.toEqual([])
    await store.close()
    await way.close()
  })
})

describe('a server that does not answer', () => {
  it('costs a new connection 1 s at most', async () => {
    const silent = await openNetworkPath(9)
    silent.cut()
    const store = await openStore({ url: `postgres://u:p@127.0.0.1:${silent.port}/x`, clock })
    expect(await elapsed(() => expect(store.ping()).rejects.toMatchObject(unavailable))).toBeLessThan(1000)
    expect(await elapsed(() => expect(store.users.count()).rejects.toMatchObject(unavailable))).toBeLessThan(1100)
    await store.close()
    await silent.close()
  })

  it('costs a statement 3 s at most, also when the cable is cut while it runs, and recovers', async () => {
    const url = new URL(await postgres.newDatabase())
    const cable = await openNetworkPath(Number(url.port))
    url.port = String(cable.port)
    const store = await openNew(url.href)
    await Promise.all(Array.from({ length: 5 }, () => store.users.count())) // a connection for each of the following
    cable.cut()
    const asks = [
      store.users.count(),
      store.transaction(({ users }) => users.count()),
      store.grants.find(buildGrant().id),
    ]
    const took = await elapsed(() => Promise.all(asks.map((asked) => expect(asked).rejects.toMatchObject(unavailable))))
    expect(took).toBeLessThan(3000)
    cable.mend()
    // None of the connections that swallowed something is used again.
    expect(await Promise.all(Array.from({ length: 20 }, () => store.users.count()))).toEqual(Array(20).fill(0))
    await store.close()
    opened.length = 0
    await cable.close()
  })

  it('to a slow statement is not waited for longer than 2 s', async () => {
    const database = await openPostgres({ url: postgres.url, clock })
    opened.push(database)
    const slow = () => database.connection.run({ sql: 'select pg_sleep(10)', parameters: [] })
    expect(await elapsed(() => expect(slow()).rejects.toMatchObject(unavailable))).toBeLessThan(2000)
  })

  it('refuses callers at once who would be one too many in the queue', async () => {
    const database = await openPostgres({ url: postgres.url, clock })
    opened.push(database)
    const ask = () => database.connection.run({ sql: 'select pg_sleep(0.5)', parameters: [] })
    const holding = Array.from({ length: 10 }, ask)
    // Until each has its connection: those that are being made have their callers waiting too.
    await wait(200)
    const early = Promise.allSettled([...holding, ...Array.from({ length: 1000 }, ask)])
    expect(await elapsed(() => expect(ask()).rejects.toMatchObject(unavailable))).toBeLessThan(100)
    expect((await early).filter((outcome) => outcome.status === 'fulfilled').length).toBeGreaterThanOrEqual(10)
  })
})

describe('a pooler', () => {
  it('that drops what connections are opened with is refused at the first use', async () => {
    const url = new URL(await postgres.newDatabase())
    const pooler = await openNetworkPath(Number(url.port))
    // As PgBouncer does by ignore_startup_parameters; the name is as long, and so the message.
    pooler.rewrite('statement_timeout', 'x.atement_timeout')
    url.port = String(pooler.port)
    const store = await openStore({ url: url.href, clock })
    await expect(store.users.count()).rejects.toMatchObject({ code: 'server_error', cause: { code: '08P01' } })
    await expect(store.pendingMigrations()).rejects.toMatchObject({ cause: { code: '08P01' } })
    await store.close()
    await pooler.close()
  })
})

it('a time limit in the URL is taken, and no pooler is seen in it', async () => {
  const store = await openNew(`${await postgres.newDatabase()}?statement_timeout=5000`)
  expect(await store.users.count()).toBe(0)
})

describe('a sign of life', () => {
  const untilThere = (store: Store): Promise<void> => vi.waitFor(() => store.ping(), { timeout: 5000, interval: 50 })

  it('is there where a table is locked and all wait for it, and what is wrong is known', async () => {
    const url = await postgres.newDatabase()
    const store = await openNew(url)
    const stop = await store.listen(() => {})
    const holder = new pg.Client(url)
    await holder.connect()
    await holder.query('begin')
    await holder.query('lock table users in exclusive mode')
    const asked = Promise.allSettled(Array.from({ length: 40 }, () => store.users.insert(buildUser())))
    await wait(100)
    expect(await elapsed(() => store.ping())).toBeLessThan(500)
    await asked
    expect(store.writes.trouble).toBe('locked')
    await holder.query('rollback')
    await holder.end()
    await stop()
    await store.ping()
  })

  it('is not there where requests get no connection, whoever listens', async () => {
    const own = new URL(await postgres.newDatabase())
    const admin = new pg.Client(own.href)
    await admin.connect()
    await admin.query(`create role app login password 'one'; alter database ${own.pathname.slice(1)} owner to app`)
    ;[own.username, own.password] = ['app', 'one']
    const store = await openNew(own.href)
    const stop = await store.listen(() => {})
    await store.ping()
    await admin.query(`alter role app password 'two'`)
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app' and query not ilike 'listen%'`,
    )
    await wait(100)
    await expect(store.ping()).rejects.toMatchObject({ cause: { code: '28P01' } })
    await admin.end()
    await stop()
  })

  it('is asked for once where several ask at a time, since the driver wants one statement at a time', async () => {
    const store = await openNew()
    const stop = await store.listen(() => {})
    const warnings: string[] = []
    const hear = ({ name }: Error) => void warnings.push(name)
    process.on('warning', hear)
    await Promise.all([store.ping(), store.ping(), store.ping()])
    await wait(10)
    process.off('warning', hear)
    expect(warnings).toEqual([])
    await stop()
  })

  it('is not where the server is away', async () => {
    const store = await openNew()
    const stop = await store.listen(() => {})
    await postgres.pause()
    expect(await elapsed(() => expect(store.ping()).rejects.toMatchObject(unavailable))).toBeLessThan(1000)
    await postgres.resume()
    await untilThere(store)
    await stop()
  })

  it('is not where the cable was cut, which who listens does not hear of', async () => {
    const url = new URL(await postgres.newDatabase())
    const cable = await openNetworkPath(Number(url.port))
    url.port = String(cable.port)
    const store = await openNew(url.href)
    const stop = await store.listen(() => {})
    cable.cut()
    expect(await elapsed(() => expect(store.ping()).rejects.toMatchObject(unavailable))).toBeLessThan(1000)
    cable.mend()
    await untilThere(store)
    await stop()
    await store.close()
    opened.length = 0
    await cable.close()
  })
})

describe('statements that change several grants', () => {
  // Whoever locks in another order than everybody else deadlocks with them. The row that comes last by its id lies first on
  // the page here: it must still be free while the statement waits for the first one.
  const waitsForFirst = async (
    change: (store: Store, user: UserRow['id'], ids: readonly GrantId[]) => Promise<unknown>,
  ) => {
    const url = await postgres.newDatabase()
    const store = await openNew(url)
    const { id: user_id } = buildUser()
    const [first, last] = [newGrantId(), newGrantId()].sort() as [GrantId, GrantId] // two were put in
    const session = buildSession()
    await store.sessions.insert(session)
    for (const id of [last, first]) await store.grants.insert(buildGrant({ id, user_id, session_id: session.id }))
    const [holder, probe] = [new pg.Client(url), new pg.Client(url)]
    await Promise.all([holder.connect(), probe.connect()])
    await holder.query('begin')
    await holder.query('select 1 from grants where id = $1 for update', [first])
    const changed = change(store, user_id, [last, first])
    await wait(200)
    await expect(probe.query('select 1 from grants where id = $1 for update nowait', [last])).resolves.toBeDefined()
    await holder.query('commit')
    await changed
    await Promise.all([holder.end(), probe.end()])
  }

  it('lock them in the order of their ids when they rotate', () =>
    waitsForFirst(async ({ grants }, _, ids) => {
      const times = { now: start, idle_expires_at: seconds(start + 9), access_expires_at: start }
      const rotation = { generation: 1, factor_idle: null, ...times }
      const left = { factor_at: null }
      expect(await Promise.all(ids.map((id) => grants.rotate({ ...rotation, id })))).toEqual([left, left])
    }))

  it('lock them in the order of their ids when they end', () =>
    waitsForFirst(async ({ grants }, user) => expect(await grants.endByUser(user, 10)).toHaveLength(2)))
})

describe('hints', () => {
  it('go from one process to all others', async () => {
    const sender = await openNew()
    const url = postgres.url
    const [near, far] = [await openNew(url), await openNew(url)]
    const heard: string[] = []
    const stop = await near.listen((channel) => heard.push(channel))
    await far.notify('signing-keys')
    await sender.notify('revocations') // of another database
    await expect.poll(() => heard).toEqual(['signing-keys'])
    await stop()
    await far.notify('signing-keys')
    await wait(50)
    expect(heard).toEqual(['signing-keys'])
  })

  it('can be waited for before the server is there', async () => {
    const store = await openNew()
    await postgres.pause()
    const heard: string[] = []
    const stop = await store.listen((channel) => heard.push(channel))
    await postgres.resume()
    await expect.poll(() => heard, { timeout: 5000 }).toEqual(['revocations', 'signing-keys'])
    await stop()
  })
})

describe('messages', () => {
  it('go as they are to everybody who listens, and are no hints', async () => {
    const url = await postgres.newDatabase()
    const [near, far, elsewhere] = [await openNew(url), await openNew(url), await openNew()]
    const [heard, hints]: [string[], string[]] = [[], []]
    const listen = (store: Store) =>
      store.listen(
        (channel) => hints.push(channel),
        (message) => heard.push(message),
      )
    const stops = [await listen(far), await listen(elsewhere)]
    const longest = 'x'.repeat(7999)
    await near.broadcast(['["one","é \\u0000 \'"]', longest])
    await near.broadcast([])
    await far.broadcast(['own'])
    await expect.poll(() => heard).toEqual(['["one","é \\u0000 \'"]', longest, 'own'])
    expect(hints).toEqual([])
    for (const stop of stops) await stop()
  })

  it('change for nobody else whether a commit waits for the disk', async () => {
    const database = await openPostgres({ url: postgres.url, clock })
    opened.push(database)
    // One after the other, and so on the same connection.
    await database.broadcast(['one'])
    const { rows } = await database.connection.run({ sql: 'show synchronous_commit', parameters: [] })
    expect(rows).toEqual([{ synchronous_commit: 'on' }])
  })
})

describe('values', () => {
  it('that Postgres cannot hold are the caller’s fault, and numbers past 32 bits are numbers', async () => {
    const store = await openNew()
    await expect(store.users.findByCanonicalName('a\0b')).rejects.toMatchObject({ code: 'invalid_request' })
    const grant = buildGrant({ expires_at: seconds(5_000_000_000) })
    await store.grants.insert(grant)
    expect(await store.grants.find(grant.id)).toEqual(grant)
  })
})

it('keeps named statements working when a migration of a newer program adds a column', async () => {
  const url = await postgres.newDatabase()
  const store = await openNew(url)
  const grant = buildGrant()
  await store.grants.insert(grant)
  await store.grants.find(grant.id)
  const newer = await openPostgres({ url, clock })
  opened.push(newer)
  await newer.connection.run({ sql: "alter table grants add column new text not null default ''", parameters: [] })
  expect(await store.grants.find(grant.id)).toEqual(grant)
  expect(await store.transaction(({ grants }) => grants.find(grant.id))).toEqual(grant)
})
