import { newUserId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import {
  buildLinkedIdentity,
  buildProviderSession,
  buildProviderSignIn,
  buildProviderToken,
  buildSession,
  start,
} from '../testing/rows.ts'

/** What the tables of outside providers promise on every database. */
export function describeFederation(open: OpenForSuite): void {
  it('gives a sign-in that comes back to one of several callers, and to none from elsewhere', async () => {
    const { store, second } = open()
    const row = buildProviderSignIn()
    await store.providerSignIns.insert(row)
    const { state_hash, provider, browser_hash } = row
    const asked = { state_hash, provider, browser_hash, now: start }
    for (const other of [
      { provider: 'other' },
      { browser_hash: 'other' },
      { state_hash: 'other' },
      { now: row.expires_at },
    ])
      expect(await store.providerSignIns.consume({ ...asked, ...other })).toBeUndefined()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? store : second).providerSignIns.consume(asked)),
    )
    expect(outcomes.filter((found) => found !== undefined)).toEqual([row])
  })

  it('takes one answer that was posted, for that provider, in time', async () => {
    const { providerSignIns } = open().store
    const row = buildProviderSignIn()
    await providerSignIns.insert(row)
    const { state_hash, provider, browser_hash } = row
    const put = { state_hash, provider, now: start, answer: 'first' }
    expect(await providerSignIns.putAnswer({ ...put, provider: 'other' })).toBe(false)
    expect(await providerSignIns.putAnswer({ ...put, now: row.expires_at })).toBe(false)
    const outcomes = await Promise.all(
      ['first', 'second'].map((answer) => providerSignIns.putAnswer({ ...put, answer })),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await providerSignIns.putAnswer({ ...put, answer: 'third' })).toBe(false)
    const consumed = await providerSignIns.consume({ state_hash, provider, browser_hash, now: start })
    expect(consumed?.answer).toBe(outcomes[0] ? 'first' : 'second')
  })

  it('links an identity to one user alone', async () => {
    const { linkedIdentities } = open().store
    const link = buildLinkedIdentity()
    await linkedIdentities.insert(link)
    await expect(linkedIdentities.insert({ ...link, user_id: newUserId() })).rejects.toMatchObject({
      code: 'already_exists',
    })
    expect(await linkedIdentities.find(link)).toEqual(link)
    expect(await linkedIdentities.find({ ...link, provider: 'other' })).toBeUndefined()
    const { label: _label, created_at: _created, last_used_at: _used, ...rest } = link
    const given = { ...rest, label: 'new', given_roles: 'clerk', at: seconds(start + 5) }
    expect(await linkedIdentities.renew({ ...given, user_id: newUserId() })).toBe(false)
    expect(await linkedIdentities.renew(given)).toBe(true)
    const expected = { ...link, label: 'new', given_roles: 'clerk', last_used_at: start + 5 }
    expect(await linkedIdentities.listByUser(link.user_id)).toEqual([expected])
    expect(await linkedIdentities.delete({ ...link, user_id: newUserId() })).toBe(false)
    expect(await linkedIdentities.delete(link)).toBe(true)
    expect(await linkedIdentities.renew(given)).toBe(false)
    expect(await linkedIdentities.listByUser(link.user_id)).toEqual([])
  })

  it('finds the sessions that rest on a provider’s, by its subject, its name for the session, or both', async () => {
    const { providerSessions, sessions } = open().store
    const one = buildProviderSession()
    const same = buildProviderSession({ subject: one.subject })
    const foreign = buildProviderSession({ provider: 'other', subject: one.subject, sid: one.sid })
    for (const row of [one, same, foreign]) await providerSessions.insert(row)
    const idsOf = async (meant: { subject?: string; sid?: string }) =>
      (await providerSessions.listByProvider('corp', meant)).map(({ id }) => id)
    expect(await idsOf({ subject: one.subject })).toEqual([one.id, same.id].sort())
    expect(await idsOf({ sid: one.sid ?? '' })).toEqual([one.id])
    expect(await idsOf({ subject: same.subject, sid: one.sid ?? '' })).toEqual([one.id])
    expect(await idsOf({ subject: 'other', sid: one.sid ?? '' })).toEqual([])
    expect(await idsOf({})).toEqual([])
    const resting = buildSession({ provider_session: one.id })
    for (const row of [resting, buildSession({ provider_session: foreign.id }), buildSession()])
      await sessions.insert(row)
    expect(await sessions.listByProviderSessions([one.id, same.id])).toEqual([resting.id])
    expect(await sessions.listByProviderSessions([])).toEqual([])
    expect((await sessions.findById(resting.id))?.provider_session).toBe(one.id)
  })

  it('lets one of several ask the provider', async () => {
    const { store, second } = open()
    const row = buildProviderSession({ heard_at: null })
    await store.providerSessions.insert(row)
    const check = { id: row.id, before: row.checked_at, at: seconds(start + 300) }
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 ? store : second).providerSessions.beginCheck(check)),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    // What it had last said stays as old as it is until it says yes.
    expect(await store.providerSessions.find(row.id)).toMatchObject({ checked_at: start + 300, heard_at: start })
    await store.providerSessions.noteHeard({ id: row.id, at: seconds(start + 301) })
    expect((await store.providerSessions.find(row.id))?.heard_at).toBe(start + 301)
    const { leaveCheck } = store.providerSessions
    // Who has begun since keeps its turn.
    await leaveCheck({ ...check, at: seconds(start + 299) })
    expect((await store.providerSessions.find(row.id))?.checked_at).toBe(start + 300)
    await leaveCheck(check)
    expect(await store.providerSessions.find(row.id)).toMatchObject({ checked_at: start, heard_at: start + 301 })
  })

  it('keeps the newest tokens of a provider, and replaces those that were read alone', async () => {
    const { providerTokens } = open().store
    const row = buildProviderToken()
    await providerTokens.put(row)
    const newer = { ...row, sealed: 'newer', version: 'second' }
    await providerTokens.put(newer)
    expect(await providerTokens.find(row)).toEqual(newer)
    expect(await providerTokens.replace({ ...row, sealed: 'late', version: 'third', before: row.version })).toBe(false)
    expect(await providerTokens.replace({ ...row, sealed: 'third', version: 'third', before: 'second' })).toBe(true)
    expect((await providerTokens.find(row))?.sealed).toBe('third')
    await providerTokens.deleteByUser(newUserId())
    expect(await providerTokens.find(row)).toBeDefined()
    await providerTokens.deleteByUser(row.user_id)
    expect(await providerTokens.find(row)).toBeUndefined()
  })
}
