import { newOrganisationId, newUserId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildSession, start } from '../testing/rows.ts'

/** What the table of sessions promises on every database. */
export function describeSessions(open: OpenForSuite): void {
  it('finds a session and lists those of a user, the oldest first', async () => {
    const { sessions } = open().store
    const young = buildSession({ created_at: seconds(start + 9), cookie_hash: `hash-${Math.random()}` })
    const old = buildSession({ user_id: young.user_id })
    await Promise.all([sessions.insert(young), sessions.insert(old), sessions.insert(buildSession())])
    expect(await sessions.findById(young.id)).toEqual(young)
    expect(await sessions.listByUser(young.user_id)).toEqual([old, young])
  })

  it('lets a cookie belong to one session', async () => {
    const { sessions } = open().store
    const cookie_hash = `hash-${Math.random()}`
    await sessions.insert(buildSession({ cookie_hash }))
    await expect(sessions.insert(buildSession({ cookie_hash }))).rejects.toMatchObject({ code: 'already_exists' })
  })

  it('tells one caller that it deleted a session', async () => {
    const { store, second } = open()
    const session = buildSession()
    await store.sessions.insert(session)
    const outcomes = await Promise.all([store, second, store].map(({ sessions }) => sessions.deleteById(session.id)))
    expect(outcomes.filter((done) => done)).toHaveLength(1)
    expect(await store.sessions.findById(session.id)).toBeUndefined()
  })

  it('deletes those of a user and no other', async () => {
    const { sessions } = open().store
    const user_id = newUserId()
    const own = [buildSession({ user_id }), buildSession({ user_id })]
    const other = buildSession()
    for (const session of [...own, other]) await sessions.insert(session)
    expect((await sessions.deleteByUser(user_id)).sort()).toEqual(own.map((session) => session.id).sort())
    expect(await sessions.deleteByUser(user_id)).toEqual([])
    expect(await sessions.findById(other.id)).toEqual(other)
  })

  it('notes the organisation that its user has picked, and deletes those in which that is picked', async () => {
    const { sessions } = open().store
    const organisation = newOrganisationId()
    const user_id = newUserId()
    const [picked, other] = [buildSession({ user_id }), buildSession({ user_id })]
    const foreign = buildSession({ organisation_id: organisation })
    for (const session of [picked, other, foreign]) await sessions.insert(session)
    expect(await sessions.setOrganisation(picked.id, organisation)).toBe(true)
    expect(await sessions.setOrganisation(buildSession().id, organisation)).toBe(false)
    expect(await sessions.findById(picked.id)).toEqual({ ...picked, organisation_id: organisation })
    expect(await sessions.deleteByUser(user_id, organisation)).toEqual([picked.id])
    expect(await sessions.deleteByUser(user_id)).toEqual([other.id])
    expect(await sessions.findById(foreign.id)).toEqual(foreign)
  })

  it('finds the session of a cookie until it expires', async () => {
    const { sessions } = open().store
    const cookie_hash = `hash-${Math.random()}`
    const session = buildSession({ cookie_hash })
    await sessions.insert(session)
    expect(await sessions.findByCookie(cookie_hash, start)).toEqual(session)
    expect(await sessions.findByCookie(cookie_hash, session.expires_at)).toBeUndefined()
    expect(await sessions.findByCookie('another', start)).toBeUndefined()
  })

  it('renews a session under another cookie, and leaves how long it lasts', async () => {
    const { sessions } = open().store
    const session = buildSession({ cookie_hash: `hash-${Math.random()}` })
    await sessions.insert(session)
    const renewal = {
      id: session.id,
      cookie_hash: `hash-${Math.random()}`,
      amr: 'pwd otp',
      acr: '2',
      auth_time: seconds(start + 50),
      address: '192.0.2.2',
      device: 'a browser',
      organisation_id: newOrganisationId(),
      used_at: seconds(start + 50),
      proven_at: seconds(start + 50),
      provider_session: null,
    }
    expect(await sessions.renew(renewal)).toBe(true)
    expect(await sessions.findByCookie(session.cookie_hash ?? '', start)).toBeUndefined()
    expect(await sessions.findByCookie(renewal.cookie_hash, start)).toEqual({ ...session, ...renewal })
    await sessions.deleteById(session.id)
    expect(await sessions.renew(renewal)).toBe(false)
  })

  it('notes that a session is in use, and lists those beyond the newest', async () => {
    const { sessions } = open().store
    const user_id = newUserId()
    const rows = [3, 1, 2].map((age) =>
      buildSession({ user_id, cookie_hash: `hash-${Math.random()}`, created_at: seconds(start + age) }),
    )
    for (const row of [...rows, buildSession()]) await sessions.insert(row)
    const [newest, oldest, middle] = rows.map(({ id }) => id)
    if (!newest || !oldest) throw new Error('none')
    expect(await sessions.listBeyond(user_id, { keep: 1, present: newest })).toEqual([middle, oldest])
    expect(await sessions.listBeyond(user_id, { keep: 2, present: oldest })).toEqual([middle])
    expect(await sessions.listBeyond(user_id, { keep: 3, present: newest })).toEqual([])
    const use = { id: newest, acr: 'weaker', used_at: seconds(start + 9) }
    await sessions.touch({ ...use, cookie_hash: rows[0]?.cookie_hash ?? '' })
    const noted = [{ used_at: null }, { used_at: null }, { used_at: start + 9, acr: 'weaker' }]
    expect(await sessions.listByUser(user_id)).toMatchObject(noted)
    // A cookie that has been replaced tells nothing of what was proven since.
    await sessions.touch({ ...use, acr: 'weakest', cookie_hash: rows[1]?.cookie_hash ?? '' })
    expect(await sessions.listByUser(user_id)).toMatchObject(noted)
  })
}
