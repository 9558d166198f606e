import type { ClientId, GrantId } from '@gatehouse/core/brand'
import { newGrantId, newSessionId, newUserId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { Rotation } from '../grant-rotation.ts'
import type { GrantRow } from '../rows.ts'
import type { Tables } from '../store.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildCode, buildGrant, buildMembership, buildOrganisation, buildSession, start } from '../testing/rows.ts'

const rotation = (id: GrantId, overrides: Partial<Rotation> = {}): Rotation => ({
  id,
  generation: 1,
  now: seconds(start + 60),
  factor_idle: null,
  idle_expires_at: seconds(start + 7200),
  access_expires_at: seconds(start + 360),
  ...overrides,
})

/** A grant in a session that lasts. */
async function insertInSession({ sessions, grants }: Tables, row: GrantRow): Promise<void> {
  await sessions.insert(buildSession({ id: row.session_id }))
  await grants.insert(row)
}

/** What the table of grants promises on every database. */
export function describeGrants(open: OpenForSuite): void {
  describeRotation(open)
  describeEnds(open)
  describeStarts(open)
}

function describeRotation(open: OpenForSuite): void {
  it('finds many at once, each its own', async () => {
    const { store } = open()
    const { grants } = store
    const rows = Array.from({ length: 20 }, () => buildGrant())
    await Promise.all(rows.map((row) => insertInSession(store, row)))
    const asked = [...rows, buildGrant(), ...rows]
    const found = await Promise.all(asked.map((row) => grants.find(row.id)))
    expect(found).toEqual([...rows, undefined, ...rows])
  })

  it('rotates: the next generation, the new times, the greater exp', async () => {
    const { store } = open()
    const { grants } = store
    const row = buildGrant({ access_expires_at: seconds(start + 9000) })
    await insertInSession(store, row)
    expect(await grants.rotate(rotation(row.id))).toBeDefined()
    // On Postgres by the clock of the server.
    const rotatedAt = (at: number) => (store.dialect === 'postgres' ? expect.any(Number) : at)
    const first = { ...row, generation: 2, rotated_at: rotatedAt(start + 60), idle_expires_at: start + 7200 }
    expect(await grants.find(row.id)).toEqual(first)
    const next = rotation(row.id, { generation: 2, now: seconds(start + 61), access_expires_at: seconds(start + 9001) })
    expect(await grants.rotate(next)).toBeDefined()
    expect(await grants.find(row.id)).toEqual({
      ...first,
      generation: 3,
      rotated_at: rotatedAt(start + 61),
      access_expires_at: start + 9001,
    })
  })

  it('tells how long a generation has been current, by one clock', async () => {
    const { store, second } = open()
    const row = buildGrant()
    await insertInSession(store, row)
    await store.grants.rotate(rotation(row.id))
    const since = (now: number, generation = 2) =>
      second.grants.sinceRotation({ id: row.id, generation, now: seconds(now) })
    const elapsed = await Promise.all([since(start + 60), since(start + 90), since(start)])
    if (store.dialect === 'sqlite') expect(elapsed).toEqual([0, 30, -60])
    // Whatever the clocks of those who ask say, and of who has rotated.
    else expect(elapsed.every((time) => time === 0 || time === 1)).toBe(true)
    expect(await since(start + 60, 1)).toBeUndefined()
  })

  it('lets one of 200 parallel uses of a generation rotate, from two processes', async () => {
    const { store, second } = open()
    const row = buildGrant()
    await insertInSession(store, row)
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 ? store : second).grants.rotate(rotation(row.id))),
    )
    expect(outcomes.filter((rotated) => rotated)).toHaveLength(1)
    expect(await store.grants.find(row.id)).toMatchObject({ generation: 2 })
  })

  it('judges each generation on its own when one tick asks for two', async () => {
    const { store } = open()
    const { grants } = store
    const row = buildGrant()
    await insertInSession(store, row)
    const asked = [1, 1, 2, 7, 2].map((generation) => grants.rotate(rotation(row.id, { generation })))
    const outcomes = await Promise.all(asked)
    expect(outcomes.map((left) => left !== undefined)).toEqual([true, false, true, false, false])
    expect(await grants.find(row.id)).toMatchObject({ generation: 3 })
  })

  it('does not deadlock when two processes rotate the same grants in opposite orders', async () => {
    const { store, second } = open()
    const rows = Array.from({ length: 100 }, () => buildGrant())
    await Promise.all(rows.map((row) => insertInSession(store, row)))
    const all = await Promise.all([
      ...rows.map((row) => store.grants.rotate(rotation(row.id))),
      ...[...rows].reverse().map((row) => second.grants.rotate(rotation(row.id))),
    ])
    expect(all.filter((rotated) => rotated)).toHaveLength(100)
  })

  it('refuses another generation, an unknown grant, and one that is over or was idle for too long', async () => {
    const { store } = open()
    const { grants } = store
    const over = buildGrant({ expires_at: seconds(start + 60) })
    const idle = buildGrant({ idle_expires_at: seconds(start + 60) })
    const live = buildGrant({ generation: 4 })
    for (const row of [over, idle, live]) await insertInSession(store, row)
    for (const refused of [
      rotation(over.id),
      rotation(idle.id),
      rotation(live.id, { generation: 3 }),
      rotation(live.id, { generation: 5 }),
      rotation(newGrantId()),
    ]) {
      expect(await grants.rotate(refused)).toBeUndefined()
    }
    expect(await grants.find(live.id)).toEqual(live)
    expect(await grants.rotate(rotation(over.id, { now: seconds(start + 59) }))).toBeDefined()
    expect(await grants.rotate(rotation(idle.id, { now: seconds(start + 59) }))).toBeDefined()
  })

  it('tells, and keeps, that a factor has gone where the grant was not used for a while', async () => {
    const { store, second } = open()
    const now = store.dialect === 'postgres' ? Math.floor(Date.now() / 1000) : start + 50_000
    const factor_at = seconds(now - 9000)
    const begin = async (ago: number, more: Partial<GrantRow> = {}): Promise<GrantRow> => {
      const row = buildGrant({ rotated_at: seconds(now - ago), factor_at, ...more })
      await insertInSession(store, row)
      return row
    }
    const use = (factor_idle: number | null) => ({
      now: seconds(now),
      factor_idle: factor_idle as Rotation['factor_idle'],
    })
    const times = { idle_expires_at: seconds(now + 60), expires_at: seconds(now + 90) }
    const uses = {
      rotate: (id: GrantId, idle: number | null, generation = 1) =>
        second.grants.rotate({ ...rotation(id), ...use(idle), generation, idle_expires_at: times.idle_expires_at }),
      prolong: (id: GrantId, idle: number | null) => second.grants.prolong({ ...rotation(id), ...use(idle), ...times }),
      raise: (id: GrantId, idle: number | null) => second.grants.raiseAccessExpiry({ ...rotation(id), ...use(idle) }),
    }
    const [kept, gone] = [{ factor_at }, { factor_at: 0 }]
    for (const used of Object.values(uses)) {
      const [young, old, unlimited, ahead, justAhead, unmarked] = await Promise.all([
        begin(3590, times),
        begin(3601, times),
        begin(3601, times),
        begin(-90, times),
        begin(-50, times),
        begin(3601, { ...times, factor_at: null }),
      ])
      const all = await Promise.all([
        used(young.id, 3600),
        used(old.id, 3600),
        used(unlimited.id, null),
        // The clock was set back: nobody knows how long it is. Two machines may differ by a minute.
        used(ahead.id, 3600),
        used(justAhead.id, 3600),
        used(unmarked.id, 3600),
      ])
      expect(all).toEqual([kept, gone, kept, gone, kept, gone])
      expect(await store.grants.find(old.id)).toMatchObject(gone)
    }
    // Another use soon after it brings nothing back.
    const row = await begin(3601, times)
    await uses.rotate(row.id, 3600)
    expect(await uses.rotate(row.id, 3600, 2)).toEqual(gone)
  })

  it('raises the greatest exp under a generation that is current, and never lowers it', async () => {
    const { store } = open()
    const { grants } = store
    const row = buildGrant()
    await insertInSession(store, row)
    const raise = (generation: number, by: number) =>
      grants.raiseAccessExpiry({
        ...{ id: row.id, generation, now: start, factor_idle: null },
        access_expires_at: seconds(start + by),
      })
    expect(await raise(1, 400)).toBeDefined()
    expect(await raise(1, 350)).toBeDefined()
    expect(await raise(2, 500)).toBeUndefined()
    expect(await grants.find(row.id)).toEqual({ ...row, access_expires_at: start + 400 })
  })
}

function describeEnds(open: OpenForSuite): void {
  it('hands an ended grant to one caller', async () => {
    const { store, second } = open()
    const row = buildGrant()
    await store.grants.insert(row)
    const ended = await Promise.all([store, second, store].map(({ grants }) => grants.end(row.id)))
    expect(ended.filter((grant) => grant !== undefined)).toEqual([row])
    expect(await store.grants.rotate(rotation(row.id))).toBeUndefined()
  })

  it('ends by session, user and client, and nothing beside', async () => {
    const { grants } = open().store
    const session_id = newSessionId()
    const user_id = newUserId()
    const client_id = `ended-${newGrantId()}` as ClientId // any name will do
    const rows = [buildGrant({ session_id }), buildGrant({ user_id }), buildGrant({ client_id }), buildGrant()]
    const [bySession, byUser, byClient, other] = rows
    for (const row of rows) await grants.insert(row)
    expect(await grants.endBySession(session_id, 10)).toEqual([bySession])
    expect(await grants.endByUser(user_id, 500)).toEqual([byUser])
    expect(await grants.endByClient(client_id, 0)).toEqual([])
    expect(await grants.endByClient(client_id, 10)).toEqual([byClient])
    expect(await grants.find(rows[3]?.id ?? newGrantId())).toEqual(other)
    expect(await grants.endByUser(user_id, 500)).toEqual([])
  })

  it('ends and rotates the grants of one user at the same time without a deadlock', async () => {
    const { store, second } = open()
    const user_id = newUserId()
    const rows = Array.from({ length: 100 }, () => buildGrant({ user_id }))
    await Promise.all(rows.map((row) => insertInSession(store, row)))
    const [ended] = await Promise.all([
      second.grants.endByUser(user_id, 500),
      ...[...rows].reverse().map((row) => store.grants.rotate(rotation(row.id))),
    ])
    expect(ended).toHaveLength(100)
  })

  it('ends the grants of one user to one client, and no others', async () => {
    const { grants } = open().store
    const user_id = newUserId()
    const client_id = `apart-${newGrantId()}` as ClientId // any name will do
    const rows = [buildGrant({ user_id, client_id }), buildGrant({ user_id }), buildGrant({ client_id })]
    for (const row of rows) await grants.insert(row)
    expect(await grants.endByUserAndClient(user_id, client_id)).toEqual([rows[0]])
    expect(await grants.endByUserAndClient(user_id, client_id)).toEqual([])
    expect(await grants.find(rows[1]?.id ?? newGrantId())).toEqual(rows[1])
    expect(await grants.find(rows[2]?.id ?? newGrantId())).toEqual(rows[2])
  })

  it('tells what a user’s grants allow now, by client and scope, and nothing that is over', async () => {
    const { store } = open()
    const { grants } = store
    const user_id = newUserId()
    const [one, other] = ['apart-1', 'apart-2'] as ClientId[] // any name will do
    const client = { user_id, client_id: one ?? ('' as ClientId) }
    const first = buildGrant({ ...client, scope: 'a' })
    const now = first.created_at
    const rows = [
      first,
      buildGrant({ ...client, scope: 'a', created_at: seconds(now + 5) }),
      buildGrant({ ...client, scope: 'b' }),
      buildGrant({ user_id, client_id: other ?? ('' as ClientId), scope: 'a', idle_expires_at: now }),
      buildGrant({ client_id: client.client_id, scope: 'c' }),
    ]
    for (const row of rows) await insertInSession(store, row)
    // Of a session that is gone.
    await grants.insert(buildGrant({ ...client, scope: 'd' }))
    const found = await grants.listStanding(user_id, now)
    expect(found.sort((a, b) => (a.scope < b.scope ? -1 : 1))).toEqual([
      { client_id: 'apart-1', scope: 'a', since: now },
      { client_id: 'apart-1', scope: 'b', since: now },
    ])
  })

  it('names each client that holds a grant once', async () => {
    const { grants } = open().store
    const client_id = `named-${newGrantId()}` as ClientId // any name will do
    await grants.insert(buildGrant({ client_id }))
    await grants.insert(buildGrant({ client_id }))
    expect((await grants.clientIds()).filter((id) => id === client_id)).toHaveLength(1)
  })

  it('refreshes no grant whose session is gone, in none of the ways', async () => {
    const { store } = open()
    const { grants, sessions } = store
    const row = buildGrant()
    await insertInSession(store, row)
    await sessions.deleteById(row.session_id)
    const { generation, ...use } = rotation(row.id)
    expect(await grants.rotate({ generation, ...use })).toBeUndefined()
    expect(await grants.prolong(use)).toBeUndefined()
    const { idle_expires_at: _, ...expiry } = use
    expect(await grants.raiseAccessExpiry({ generation, ...expiry })).toBeUndefined()
    expect(await grants.stands(row.id)).toBe(false)
    expect(await grants.find(row.id)).toEqual(row)
  })

  it('refreshes no grant of an organisation that is disabled, or is none, and does again when it may act', async () => {
    const { store } = open()
    const { grants, organisations } = store
    const [organisation, none] = [buildOrganisation(), buildOrganisation()]
    await organisations.insert(organisation)
    const [row, other] = [buildGrant({ organisation_id: organisation.id }), buildGrant({ organisation_id: none.id })]
    await insertInSession(store, row)
    await insertInSession(store, other)
    await organisations.setStatus(organisation.id, 'disabled')
    for (const { id } of [row, other]) {
      expect(await grants.rotate(rotation(id))).toBeUndefined()
      expect(await grants.stands(id)).toBe(false)
    }
    await organisations.setStatus(organisation.id, 'active')
    expect(await grants.stands(row.id)).toBe(true)
    expect(await grants.rotate(rotation(row.id))).toBeDefined()
  })

  it('removes in steps what has no session, and nothing of a session that lasts', async () => {
    const { store } = open()
    const { grants } = store
    const user_id = newUserId()
    const lasting = buildGrant({ user_id })
    await insertInSession(store, lasting)
    for (let count = 0; count < 5; count += 1) await grants.insert(buildGrant({ user_id }))
    const other = buildGrant()
    await grants.insert(other)
    expect(await grants.removeWithoutSession(user_id, 3)).toBe(3)
    expect(await grants.removeWithoutSession(user_id, 3)).toBe(2)
    expect(await grants.find(lasting.id)).toEqual(lasting)
    expect(await grants.find(other.id)).toEqual(other)
  })

  it('ends no more than the limit of a session or a user', async () => {
    const { grants } = open().store
    const [user_id, session_id] = [newUserId(), newSessionId()]
    for (let count = 0; count < 4; count += 1) await grants.insert(buildGrant({ user_id, session_id }))
    expect(await grants.endBySession(session_id, 1)).toHaveLength(1)
    expect(await grants.endByUser(user_id, 2)).toHaveLength(2)
    expect(await grants.endByUser(user_id, 2)).toHaveLength(1)
  })

  it('ends the oldest of a client in a session, and never the given one', async () => {
    const { grants } = open().store
    const session_id = newSessionId()
    const at = (by: number) => buildGrant({ session_id, created_at: seconds(start + by) })
    const [oldest, older, newer, given] = [at(1), at(2), at(3), at(0)] as const
    const others = [buildGrant({ session_id, client_id: 'apart' as ClientId }), buildGrant()] // any name will do
    for (const row of [oldest, older, newer, given, ...others]) await grants.insert(row)
    expect(await grants.endBeyond({ of: given, keep: 2, limit: 1 })).toEqual([older])
    expect(await grants.endBeyond({ of: given, keep: 2, limit: 10 })).toEqual([oldest])
    expect(await grants.endBeyond({ of: given, keep: 2, limit: 10 })).toEqual([])
    for (const row of [newer, given, ...others]) expect(await grants.find(row.id)).toEqual(row)
  })
}

function describeStarts(open: OpenForSuite): void {
  const now = seconds(start + 10)
  const begin = { now, membership_version: null }
  const isPostgres = () => open().store.dialect === 'postgres'
  const startedAt = () => (isPostgres() ? expect.any(Number) : now)

  it('starts in a session that lasts, and in no other', async () => {
    const { sessions, grants } = open().store
    const [lasting, over] = [buildSession(), buildSession({ expires_at: now })]
    await Promise.all([sessions.insert(lasting), sessions.insert(over)])
    const row = buildGrant({ session_id: lasting.id, claims: '{}', confirmation: null })
    expect(await grants.startInSession(row, begin)).toBe(0)
    expect(await grants.find(row.id)).toEqual({ ...row, rotated_at: startedAt() })
    expect(await grants.startInSession(buildGrant({ session_id: over.id }), begin)).toBeUndefined()
    expect(await grants.startInSession(buildGrant(), begin)).toBeUndefined()
  })

  it('starts by the clock by which its uses are told, whatever that of the process says', async () => {
    const { sessions, grants, authorizationCodes } = open().store
    const real = Math.floor(Date.now() / 1000)
    for (const ahead of isPostgres() ? [-7200, -90, 0, 90, 7200] : [0]) {
      const here = seconds(real + ahead)
      const factor_at = seconds(here - 60)
      const expires_at = seconds(here + 9000)
      const session = buildSession({ expires_at })
      const code = buildCode({ session_id: session.id })
      await Promise.all([sessions.insert(session), authorizationCodes.insert(code)])
      const times = { rotated_at: here, idle_expires_at: expires_at, expires_at, factor_at }
      const [row, byCode] = [
        buildGrant({ session_id: session.id, ...times }),
        buildGrant({ session_id: session.id, ...times }),
      ]
      await grants.startInSession(row, { ...begin, now: here })
      await grants.startByCode(byCode, { ...begin, now: here, code_hash: code.hash })
      for (const { id } of [row, byCode]) {
        const use = { ...rotation(id), now: here, idle_expires_at: expires_at, factor_idle: seconds(3600) }
        expect([ahead, await grants.prolong(use)]).toEqual([ahead, { factor_at }])
      }
    }
  })

  it('starts by a code until that is presented a second time', async () => {
    const { sessions, grants, authorizationCodes } = open().store
    const session = buildSession()
    const code = buildCode({ session_id: session.id })
    await Promise.all([sessions.insert(session), authorizationCodes.insert(code)])
    await authorizationCodes.consume({ hash: code.hash, now, kept_until: now })
    const row = buildGrant({ session_id: session.id })
    expect(await grants.startByCode(row, { ...begin, code_hash: code.hash })).toBe(0)
    expect(await authorizationCodes.noteReuse(code.hash, now)).toMatchObject({
      grant_id: code.grant_id,
      reused_at: now,
    })
    expect(
      await grants.startByCode(buildGrant({ session_id: session.id }), { ...begin, code_hash: code.hash }),
    ).toBeUndefined()
    expect(await grants.startByCode(buildGrant(), { ...begin, code_hash: code.hash })).toBeUndefined()
  })

  it('leaves no grant of a session that ends at the same time, nor of a code that is used twice', async () => {
    const { store, second } = open()
    const round = async (): Promise<void> => {
      const session = buildSession()
      const code = buildCode({ session_id: session.id })
      const [row, byCode] = [
        buildGrant({ session_id: session.id }),
        buildGrant({ id: code.grant_id, session_id: session.id }),
      ]
      await Promise.all([store.sessions.insert(session), store.authorizationCodes.insert(code)])
      await store.authorizationCodes.consume({ hash: code.hash, now, kept_until: now })
      await Promise.all([
        store.grants.startByCode(byCode, { ...begin, code_hash: code.hash }),
        second.transaction(async (tables) => {
          await tables.authorizationCodes.noteReuse(code.hash, now)
          await tables.grants.end(code.grant_id)
        }),
      ])
      expect(await store.grants.find(byCode.id)).toBeUndefined()
      await Promise.all([
        store.grants.startInSession(row, begin),
        second.transaction(async (tables) => {
          await tables.sessions.deleteById(session.id)
          await tables.grants.endBySession(session.id, 10)
        }),
      ])
      expect(await store.grants.find(row.id)).toBeUndefined()
    }
    await Promise.all(Array.from({ length: 20 }, round))
  })

  it('starts for an organisation while the membership is what it was, and then no more', async () => {
    const { sessions, grants, memberships, organisations, authorizationCodes } = open().store
    const session = buildSession()
    const organisation = buildOrganisation()
    await organisations.insert(organisation)
    const key = { organisation_id: organisation.id, user_id: session.user_id }
    const membership = buildMembership(key)
    const code = buildCode({ session_id: session.id })
    await Promise.all([sessions.insert(session), memberships.insert(membership), authorizationCodes.insert(code)])
    const newRow = () => buildGrant({ ...key, session_id: session.id })
    const inOrganisation = { now, membership_version: membership.version }
    const byCode = { ...inOrganisation, code_hash: code.hash }
    const rows = [newRow(), newRow()] as const
    expect(await grants.startInSession(rows[0], inOrganisation)).toBe(0)
    expect(await grants.startByCode(rows[1], byCode)).toBe(1)
    expect(await grants.find(rows[1].id)).toEqual({ ...rows[1], rotated_at: startedAt() })
    const stranger = buildGrant({ ...key, user_id: newUserId(), session_id: session.id })
    expect(await grants.startInSession(stranger, inOrganisation)).toBeUndefined()
    expect(await grants.startInSession(newRow(), begin)).toBeUndefined()
    await organisations.setStatus(organisation.id, 'disabled')
    expect(await grants.startInSession(newRow(), inOrganisation)).toBeUndefined()
    expect(await grants.startByCode(newRow(), byCode)).toBeUndefined()
    await organisations.setStatus(organisation.id, 'active')
    await memberships.renew(key, 'another')
    expect(await grants.startInSession(newRow(), inOrganisation)).toBeUndefined()
    expect(await grants.startByCode(newRow(), byCode)).toBeUndefined()
    await memberships.delete({ key })
    expect(await grants.startInSession(newRow(), { now, membership_version: 'another' })).toBeUndefined()
    const ended = await grants.endByUserAndOrganisation(key.user_id, key.organisation_id)
    expect(ended.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort())
    expect(await grants.endByUserAndOrganisation(key.user_id, key.organisation_id)).toEqual([])
  })

  it('leaves no grant of a membership that ends at the same time', async () => {
    const { store, second } = open()
    const round = async (): Promise<void> => {
      const session = buildSession()
      const organisation = buildOrganisation()
      await store.organisations.insert(organisation)
      const key = { organisation_id: organisation.id, user_id: session.user_id }
      const membership = buildMembership(key)
      const code = buildCode({ session_id: session.id })
      await Promise.all([
        store.sessions.insert(session),
        store.memberships.insert(membership),
        store.authorizationCodes.insert(code),
      ])
      const row = buildGrant({ ...key, session_id: session.id })
      await Promise.all([
        store.grants.startByCode(row, { now, membership_version: membership.version, code_hash: code.hash }),
        second.transaction(async (tables) => {
          await tables.memberships.delete({ key })
          await tables.grants.endByUserAndOrganisation(key.user_id, key.organisation_id)
        }),
      ])
      expect(await store.grants.find(row.id)).toBeUndefined()
    }
    await Promise.all(Array.from({ length: 20 }, round))
  })
}
