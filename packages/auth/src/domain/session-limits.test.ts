import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
afterEach(() => started.close())

const limits: AuthSettings['sessionLimits'] = {
  browserIdle: seconds(3600),
  secondFactor: seconds(7200),
  factorIdle: null,
  perUser: 2,
}
const start = async (changed: Partial<AuthSettings['sessionLimits']> = {}): Promise<void> => {
  started = await startAuth({ settings: { sessionLimits: { ...limits, ...changed } } })
}
const signIn = async (): Promise<TestBrowser> => {
  const browser = new TestBrowser(started.url, issuer)
  await browser.signIn(await browser.get('/account'), 'alice', goodPassword)
  return browser
}
const isSignedIn = (page: ShownPage): boolean => page.has('sign-out-link')

describe('a browser that asks for nothing', () => {
  it('has to sign in again, and one that asks has not', async () => {
    await start()
    const browser = await signIn()
    for (let hours = 0; hours < 3; hours += 1) {
      started.clock.advance(3500)
      expect(isSignedIn(await browser.get('/account'))).toBe(true)
    }
    started.clock.advance(3601)
    expect((await browser.get('/account')).has('password')).toBe(true)
  })

  it('goes on with its session and what hangs off it once it has signed in again', async () => {
    await start()
    const browser = await signIn()
    const user = await started.store.users.findByCanonicalName('alice')
    const before = user && (await started.store.sessions.listByUser(user.id))
    started.clock.advance(3601)
    await browser.signIn(await browser.get('/account'), 'alice', goodPassword)
    const after = user && (await started.store.sessions.listByUser(user.id))
    expect(after?.map(({ id }) => id)).toEqual(before?.map(({ id }) => id))
  })

  it('is noted at most once a minute', async () => {
    await start()
    const browser = await signIn()
    const user = await started.store.users.findByCanonicalName('alice')
    const usedAt = async () => user && (await started.store.sessions.listByUser(user.id))[0]?.used_at
    started.clock.advance(59)
    await browser.get('/account')
    expect(await usedAt()).toBeNull()
    started.clock.advance(1)
    await browser.get('/account')
    expect(await usedAt()).toBe(started.clock.now())
  })
})

describe('sessions of one user', () => {
  it('are no more than may be: the oldest end, with their tokens', async () => {
    await start({ browserIdle: seconds(86_400) })
    const { access_token } = await started.signIn()
    started.clock.advance(1)
    const browser = await signIn()
    started.clock.advance(1)
    await started.signIn()
    const validity = await (await started.postJson('/validate', { token: access_token })).json()
    expect(validity).toMatchObject({ valid: false })
    expect(isSignedIn(await browser.get('/account'))).toBe(true)
    started.clock.advance(1)
    await signIn()
    expect((await browser.get('/account')).has('password')).toBe(true)
  })
})
