import type { ClientId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { appClientPrefix } from '@gatehouse/core/wire-names'
import type { GrantRow } from '@gatehouse/store/rows'
import { buildGrant, buildSession } from '@gatehouse/store/testing/rows'
import { afterEach, expect, it } from 'vitest'
import { createCookies } from '../http/cookies.ts'
import { issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { createAppSessions } from './app-sessions.ts'

const host = 'shop.example.com'
let started: StartedAuth
afterEach(() => started.close())

/** The cookie of a session in which a second factor was shown just now, or as is said. */
async function begin(more: Partial<GrantRow> = {}): Promise<string> {
  const { auth, store, clock, settings } = started
  const now = clock.now()
  const [session, lasts] = [buildSession(), { expires_at: seconds(now + 86_400) }]
  await store.sessions.insert({ ...session, ...lasts })
  const grant = buildGrant({
    ...{ session_id: session.id, user_id: session.user_id, client_id: `${appClientPrefix}${host}` as ClientId },
    ...{ acr: '2', amr: 'pwd otp mfa', auth_time: seconds(now - 3600), factor_at: now, ...more },
    ...{ ...lasts, idle_expires_at: lasts.expires_at, key_id: auth.rings['refresh-token'].current.id },
  })
  await store.grants.insert(grant)
  const { buildCookie } = createAppSessions({
    ...{ store, clock, ring: auth.rings['refresh-token'], cookies: createCookies(issuer), clients: auth.clients },
    ...{ accessTokens: auth.accessTokens, revocations: auth.revocations.set, defaultAudience: () => issuer },
    ...{
      lifetimes: () => settings.lifetimes,
      limits: () => settings.sessionLimits,
      roleRules: () => ({ scopes: new Map(), needFactor: [] }),
    },
    standing: { checkSession: async () => {} },
  })
  return buildCookie(host, grant).split(';')[0] ?? ''
}

it('a session of an app says no more of a second factor from the moment on at which that counts no longer', async () => {
  const sessionLimits = { browserIdle: seconds(86_400), secondFactor: seconds(1000), factorIdle: null, perUser: 100 }
  started = await startAuth({
    settings: { sessionLimits, apps: [{ host, name: 'Shop', origin: `https://${host}`, signedOut: '/' }] },
  })
  const cookie = await begin()
  const told = async () => {
    const { acr, amr } = (await started.auth.apps.find(host, cookie))?.claims ?? {}
    return { acr, amr }
  }
  const strong = { acr: '2', amr: ['pwd', 'otp', 'mfa'] }
  expect(await told()).toEqual(strong)
  // Not once an access token would have ended, but then.
  started.clock.advance(900)
  expect(await told()).toEqual(strong)
  started.clock.advance(100)
  expect(await told()).toEqual(strong)
  started.clock.advance(1)
  expect(await told()).toEqual({ acr: '1', amr: ['pwd'] })
})

it('a session of an app says no more of a second factor once nobody has used it for an hour, and goes on to', async () => {
  const sessionLimits = {
    browserIdle: seconds(86_400),
    secondFactor: seconds(86_400),
    factorIdle: seconds(3600),
    perUser: 9,
  }
  // Tokens that live longer than that: uses are noted all the same.
  const lifetimes = {
    accessToken: seconds(7200),
    absolute: seconds(90_000),
    idle: seconds(86_400),
    replayWindow: seconds(30),
  }
  started = await startAuth({
    settings: { sessionLimits, lifetimes, apps: [{ host, name: 'Shop', origin: `https://${host}`, signedOut: '/' }] },
  })
  const cookie = await begin()
  const acr = async () => (await started.auth.apps.find(host, cookie))?.claims.acr
  for (let minutes = 0; minutes < 240; minutes += 10) {
    expect(await acr()).toBe('2')
    started.clock.advance(600)
  }
  expect(await acr()).toBe('2')
  // It was noted now, or up to a quarter of the time later: longer pauses than three quarters may be too long.
  started.clock.advance(2700)
  expect(await acr()).toBe('2')
  started.clock.advance(3601)
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await acr()).toBe('1')
    started.clock.advance(4000)
  }
})

it.each([
  ['begun with none', { acr: '1', amr: 'pwd', factor_at: null }, 'clerk'],
  ['begun with one', {}, 'boss clerk'],
])('a role that needs a second factor counts where the session of the app was: %s', async (_name, more, roles) => {
  started = await startAuth({
    settings: {
      apps: [{ host, name: 'Shop', origin: `https://${host}`, signedOut: '/' }],
      secondFactor: { requiredForRoles: ['boss'], rememberFor: seconds(0) },
    },
  })
  const cookie = await begin({ ...more, roles: 'boss clerk' })
  expect((await started.auth.apps.find(host, cookie))?.claims.roles?.join(' ')).toBe(roles)
})
