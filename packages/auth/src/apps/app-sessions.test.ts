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
  const sessionLimits = { browserIdle: seconds(86_400), secondFactor: seconds(1000), perUser: 100 }
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
