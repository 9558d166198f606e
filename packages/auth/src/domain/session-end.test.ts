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
    expect(await started.auth.findEnd(token, [])).toBe(begun + day)
    started.clock.advance(3600)
    await started.postJson('/token/refresh', { refresh_token })
    expect(await started.auth.findEnd(token, [])).toBe(begun + 3600 + day)
    // To ask is no use.
    started.clock.advance(day)
    expect(await started.auth.findEnd(token, [])).toBeUndefined()
  })

  it('has come where the session was ended', async () => {
    const { token, refresh_token } = await signIn()
    await started.postJson('/logout', { refresh_token })
    expect(await started.auth.findEnd(token, [])).toBeUndefined()
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
    expect(await started.auth.findEnd({ ...token, claims }, [])).toBe(begun + 30 * day)
    clock.advance(20 * day)
    await store.sessions.touch({ ...session, used_at: clock.now() })
    expect(await started.auth.findEnd({ ...token, claims }, [])).toBe(begun + 40 * day)
    clock.advance(20 * day)
    expect(await started.auth.findEnd({ ...token, claims }, [])).toBeUndefined()
  })

  describe('where a second factor is needed', () => {
    const hour = 3600
    const strong = async () => {
      const { token, refresh_token } = await signIn()
      const grant = await started.store.grants.end(token.claims.gid as GrantId)
      if (!grant) throw new Error('no grant')
      const proven = { acr: '2', amr: 'pwd otp mfa', factor_at: started.clock.now() }
      await started.store.grants.insert({ ...grant, ...proven })
      return {
        grant: { ...grant, ...proven },
        token: { ...token, claims: { ...token.claims, acr: '2' } },
        refresh_token,
      }
    }

    it('is that of the factor: unused for an hour, moved by each refresh, and never past its own', async () => {
      const { token, refresh_token } = await strong()
      const { auth, clock } = started
      const begun = clock.now()
      const limits = { ...started.settings.sessionLimits, secondFactor: seconds(5000) }
      auth.replaceSettings({ ...started.settings, sessionLimits: limits })
      expect(await auth.findEnd(token, ['2'])).toBe(begun + hour + 1)
      for (const acr of [[], ['1', '2']]) expect(await auth.findEnd(token, acr)).toBe(begun + day)
      clock.advance(hour)
      await started.postJson('/token/refresh', { refresh_token })
      expect(await auth.findEnd(token, ['2'])).toBe(begun + 5001)
      clock.advance(1401)
      expect(await auth.findEnd(token, ['2'])).toBeUndefined()
      expect(await auth.findEnd(token, [])).toBeDefined()
    })

    it('has come where the factor has gone, whatever was refreshed since', async () => {
      const { token, refresh_token } = await strong()
      started.clock.advance(hour + 1)
      expect(await started.auth.findEnd(token, ['2'])).toBeUndefined()
      await started.postJson('/token/refresh', { refresh_token })
      expect(await started.auth.findEnd(token, ['2'])).toBeUndefined()
    })

    it('is that of the factor in the session where nothing is refreshed', async () => {
      const { token, grant } = await strong()
      const { store, clock, auth } = started
      const begun = clock.now()
      await store.grants.end(grant.id)
      const proven = { acr: '2', amr: 'pwd otp mfa', cookie_hash: 'hash', user_id: grant.user_id }
      const more = { address: '', device: '', organisation_id: null, provider_session: null }
      const session = buildSession(clock, { ...proven, ...more }, started.settings.lifetimes)
      await store.sessions.insert(session)
      const ofSession = { ...token, claims: { ...token.claims, sid: session.id } }
      expect(await auth.findEnd(ofSession, ['2'])).toBe(begun + hour + 1)
      clock.advance(hour)
      await store.sessions.touch({ ...session, used_at: clock.now() })
      expect(await auth.findEnd(ofSession, ['2'])).toBe(begun + 2 * hour + 1)
      await store.sessions.touch({ ...session, acr: '1', used_at: clock.now() })
      expect(await auth.findEnd(ofSession, ['2'])).toBeUndefined()
    })
  })
})
