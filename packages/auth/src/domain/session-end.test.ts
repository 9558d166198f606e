import type { GrantId, SessionId } from '@gatehouse/core/brand'
import { isRefusal, type VerifiedToken } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { buildSession } from './sessions.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const day = 86_400

async function signIn(): Promise<{ token: VerifiedToken; refresh_token: string }> {
  const { access_token, refresh_token } = await started.signIn()
  const token = started.auth.verifier.verify(access_token, [issuer])
  if (isRefusal(token)) throw new Error(token.refused)
  return { token, refresh_token }
}

describe('the end of what a token was issued from', () => {
  it('is that of its grant: the idle limit, moved by each refresh, and never past the absolute one', async () => {
    const { token, refresh_token } = await signIn()
    const begun = started.clock.now()
    expect(await started.auth.findEnd(token)).toBe(begun + day)
    started.clock.advance(3600)
    await started.postJson('/token/refresh', { refresh_token })
    expect(await started.auth.findEnd(token)).toBe(begun + 3600 + day)
    // To ask is no use.
    started.clock.advance(day)
    expect(await started.auth.findEnd(token)).toBeUndefined()
  })

  it('has come where the session was ended', async () => {
    const { token, refresh_token } = await signIn()
    await started.postJson('/logout', { refresh_token })
    expect(await started.auth.findEnd(token)).toBeUndefined()
  })

  it('is that of the browser’s session where nothing is refreshed: its idle limit or its absolute one', async () => {
    const { token } = await signIn()
    const { store, clock, settings } = started
    const { user_id = '' as never } = (await store.sessions.findById(token.claims.sid as SessionId)) ?? {}
    const begun = clock.now()
    const proven = { acr: '1', amr: 'pwd', address: '', device: '', organisation_id: null, provider_session: null }
    const session = buildSession(clock, { user_id, cookie_hash: 'hash', ...proven }, settings.lifetimes)
    await store.sessions.insert({ ...session, expires_at: seconds(begun + 40 * day) })
    const claims = { ...token.claims, sid: session.id, gid: 'gone' as GrantId }
    expect(await started.auth.findEnd({ ...token, claims })).toBe(begun + 30 * day)
    clock.advance(20 * day)
    await store.sessions.touch(session.id, clock.now())
    expect(await started.auth.findEnd({ ...token, claims })).toBe(begun + 40 * day)
    clock.advance(20 * day)
    expect(await started.auth.findEnd({ ...token, claims })).toBeUndefined()
  })
})
