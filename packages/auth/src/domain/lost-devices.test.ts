import type { SessionId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { buildFactor } from '@gatehouse/store/testing/rows'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimsOf, goodPassword, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { resetFactors, signOutUser } from './lost-devices.ts'
import { addUser } from './users.ts'

const by = { actor: 'cli:ops' }
let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const dependencies = () => ({ ...started, ...started.auth })
const find = async (name: string) => {
  const user = await started.store.users.findByCanonicalName(name)
  if (!user) throw new Error(`there is no ${name}`)
  return user
}
const isGood = (token: string): boolean => !isRefusal(started.auth.verifier.verify(token))
const signIn = async (username: string): Promise<string> => {
  const response = await started.postJson('/login', { username, password: goodPassword })
  return ((await response.json()) as { access_token: string }).access_token
}
const sessionOf = (token: string): SessionId => claimsOf(token).sid as SessionId

describe('a sign-out by an operator', () => {
  it('ends one session, and the tokens of no other', async () => {
    const bob = { username: 'bob', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 }
    await addUser(dependencies(), bob, by)
    const [lost, kept, others] = [await signIn('alice'), await signIn('alice'), await signIn('bob')]
    const { id } = await find('alice')
    expect(await signOutUser(dependencies(), { user: id, session: sessionOf(lost) }, by)).toBe(1)
    expect([lost, kept, others].map(isGood)).toEqual([false, true, true])
    expect(await started.store.audit.list({ limit: 10, type: 'session_ended' })).toMatchObject([{ actor: 'cli:ops' }])
    const again = signOutUser(dependencies(), { user: id, session: sessionOf(others) }, by)
    await expect(again).rejects.toMatchObject({ code: 'not_found' })
    expect(isGood(others)).toBe(true)
  })

  it('ends all of them, and no browser is remembered', async () => {
    const tokens = [await signIn('alice'), await signIn('alice')]
    const { id } = await find('alice')
    const now = started.clock.now()
    const device = { hash: 'd'.repeat(43), user_id: id, device: 'a browser', created_at: now }
    await started.store.rememberedDevices.insert({ ...device, expires_at: seconds(now + 1000) })
    expect(await signOutUser(dependencies(), { user: id }, by)).toBe(2)
    expect(tokens.map(isGood)).toEqual([false, false])
    expect(await started.store.rememberedDevices.deleteByUser(id)).toBe(0)
  })
})

describe('a session that has expired', () => {
  const expire = async (): Promise<SessionId> => {
    const id = sessionOf(await signIn('alice'))
    const alice = await find('alice')
    const session = (await started.store.sessions.listByUser(alice.id)).find((one) => one.id === id)
    if (!session) throw new Error('the session is gone')
    started.clock.advance(session.expires_at - started.clock.now())
    return id
  }

  it('is not there to be ended, and counts for none', async () => {
    const expired = await expire()
    const { id } = await find('alice')
    const alone = signOutUser(dependencies(), { user: id, session: expired }, by)
    await expect(alone).rejects.toMatchObject({ code: 'not_found' })
    await signIn('alice')
    expect(await signOutUser(dependencies(), { user: id }, by)).toBe(1)
  })

  it('does not count where second factors are removed', async () => {
    await expire()
    const alice = await find('alice')
    await started.store.factors.insert(buildFactor({ user_id: alice.id }))
    expect(await resetFactors(dependencies(), alice, by)).toMatchObject({ sessionsEnded: 0 })
  })
})

describe('second factors that an operator removes', () => {
  it('are all gone with the recovery codes, every session ends, and their user is told of each', async () => {
    const alice = await find('alice')
    const token = await signIn('alice')
    for (const name of ['Phone', 'Key']) {
      await started.store.factors.insert(buildFactor({ user_id: alice.id, name }))
    }
    await started.store.recoveryCodes.replace({ user_id: alice.id, hashes: ['h'], at: started.clock.now() })
    const { removed, sessionsEnded } = await resetFactors(dependencies(), alice, by)
    expect(sessionsEnded).toBe(1)
    expect(removed.map(({ name }) => name).sort()).toEqual(['Key', 'Phone'])
    expect(await started.store.factors.listByUser(alice.id)).toEqual([])
    expect(await started.store.recoveryCodes.count(alice.id)).toBe(0)
    expect(isGood(token)).toBe(false)
    expect(await started.store.audit.list({ limit: 10, type: 'factor_removed' })).toHaveLength(2)
    const told = (await started.mails('factor_removed')).map(({ to }) => to)
    expect(told).toEqual([alice.email, alice.email])
    expect(isGood(await signIn('alice'))).toBe(true)
  })

  it('end nothing where there are none', async () => {
    const token = await signIn('alice')
    const nothing = { removed: [], sessionsEnded: 0 }
    expect(await resetFactors(dependencies(), await find('alice'), by)).toEqual(nothing)
    expect(isGood(token)).toBe(true)
  })

  it('are not removed of somebody who was changed meanwhile', async () => {
    const alice = await find('alice')
    await started.store.factors.insert(buildFactor({ user_id: alice.id }))
    const stale = { ...alice, roles: 'another' }
    await expect(resetFactors(dependencies(), stale, by)).rejects.toMatchObject({ code: 'not_found' })
    expect(await started.store.factors.listByUser(alice.id)).toHaveLength(1)
  })
})
