import { seconds } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { noPermissions } from '../domain/clients.ts'
import { compileMapping } from '../federation/mapping.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { newPkce, type TestBrowser } from '../testing/browser.ts'
import { useProviderVisits } from '../testing/provider-visit.ts'
import { basic } from '../testing/start-auth.ts'

const visits = useProviderVisits()
const redirectUri = 'https://app.example.com/cb'
const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code'
const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code', 'refresh_token', 'client_credentials', deviceCode] as const,
  scopes: ['openid', 'offline_access', 'orders:read', 'corp:token'],
  metadata: { redirect_uris: [redirectUri] },
  permissions: { ...noPermissions, skipConsent: true },
}
interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

const start = (more: Partial<ProviderSettings> = {}, settings: Partial<AuthSettings> = {}) =>
  visits.start(
    [
      visits.provider(
        {
          ...more,
          ...{ recheckEvery: seconds(60), tokenScope: 'corp:token', scopes: ['orders:read', 'corp:token'] },
          mapping: compileMapping({ roles: 'claims.groups' }),
        },
        { keepTokens: true },
      ),
    ],
    settings,
    [web],
  )

/** The app gets tokens for whoever is signed in in a browser. */
async function authorize(browser: TestBrowser, scope = 'openid offline_access orders:read'): Promise<Tokens> {
  const { verifier, challenge } = newPkce()
  const asked = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope }
  const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
  const { callback } = await browser.get(`/oauth/authorize?${new URLSearchParams({ ...asked, ...pkce })}`)
  const form = { grant_type: 'authorization_code', code: callback.get('code') ?? '', redirect_uri: redirectUri }
  const answer = await ask({ ...form, code_verifier: verifier })
  expect([answer.status, callback.get('error')]).toEqual([200, null])
  return (await answer.json()) as Tokens
}
const ask = (form: Record<string, string>) => visits.auth.postForm('/oauth/token', form, basic('web', 'web-secret'))
const refresh = ({ refresh_token }: Tokens) => ask({ grant_type: 'refresh_token', refresh_token })
const tokenOf = (access?: string) =>
  fetch(`${visits.auth.url}/federation/corp/token`, access ? { headers: { authorization: `Bearer ${access}` } } : {})
const bob = { preferred_username: 'bob', groups: ['boss'] }
const lasting = { refresh_token: 'canary-rt' }

async function signInBob(): Promise<TestBrowser> {
  const browser = visits.newBrowser()
  await visits.signIn({ ...bob, sid: 'there' }, browser, lasting)
  return browser
}

describe('as tokens are refreshed, the provider is asked', () => {
  it('and a no ends the sessions', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    const tokens = await authorize(browser)
    clock.advance(61)
    visits.upstream.giveTokens({ error: 'invalid_grant' }, 400)
    const answer = await refresh(tokens)
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect(await visits.sessionIn(browser)).toBeUndefined()
  })

  it('and one that does not answer ends nothing', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    const tokens = await authorize(browser)
    clock.advance(61)
    visits.upstream.answers.set('/token', (_, response) => void response.destroy())
    expect((await refresh(tokens)).status).toBe(200)
    expect(await visits.sessionIn(browser)).toBeDefined()
  })

  it('and one that does not answer for longer than recheck_within lets nobody on until it does', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    const tokens = await authorize(browser)
    const giveAgain = (): Promise<void> => visits.give(null, { nonce: undefined, ...bob }, lasting)
    visits.upstream.answers.set('/token', (_, response) => void response.destroy())
    clock.advance(14_384)
    const next = (await (await refresh(tokens)).json()) as Tokens
    clock.advance(16)
    // At every try, and not at each interval alone; whoever waits for that loses nothing by it.
    for (let tries = 0; tries < 2; tries += 1) {
      const all = await Promise.all([refresh(next), refresh(next)])
      expect(all.map(({ status }) => status)).toEqual([503, 503])
      expect(all[0]?.headers.get('retry-after')).toBe('30')
    }
    clock.advance(200)
    expect((await refresh(next)).status).toBe(503)
    expect(await visits.sessionIn(browser)).toBeDefined()
    visits.upstream.answers.delete('/token')
    await giveAgain()
    // Its breaker counts real time.
    visits.auth.auth.replaceSettings({ ...visits.auth.settings })
    expect((await refresh(next)).status).toBe(200)
  })

  it('and of two that come after a long silence both go on', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    const both = [await authorize(browser), await authorize(browser)]
    clock.advance(14_401)
    await visits.give(null, { nonce: undefined, ...bob }, lasting)
    const asked = visits.asked('/token')
    const answers = await Promise.all(both.map(refresh))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(visits.asked('/token')).toBe(asked + 1)
  })

  it('but not where its kind cannot be asked, whether it answers or not', async () => {
    const { clock } = await visits.start(
      [visits.provider({ recheckEvery: seconds(60), scopes: ['orders:read'] })],
      {},
      [web],
    )
    const browser = await signInBob()
    const tokens = await authorize(browser)
    for (let tries = 0; tries < 3; tries += 1) {
      const other = visits.newBrowser()
      const sent = await visits.leave(other)
      visits.upstream.answers.set('/token', (_, response) => void response.destroy())
      await visits.comeBack(other, sent.get('state'))
    }
    clock.advance(20_000)
    expect((await refresh(tokens)).status).toBe(200)
  })

  it('but not whoever cannot be asked about: there is nothing to ask with', async () => {
    const { clock } = await start()
    const browser = visits.newBrowser()
    await visits.signIn(bob, browser)
    const tokens = await authorize(browser)
    clock.advance(20_000)
    const next = await refresh(tokens)
    expect(next.status).toBe(200)
    clock.advance(20_000)
    expect((await refresh((await next.json()) as Tokens)).status).toBe(200)
  })

  it('and whoever has lost a role there is refused at once', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    const tokens = await authorize(browser)
    clock.advance(61)
    await visits.give(null, { nonce: undefined, ...bob, groups: [] }, lasting)
    expect((await refresh(tokens)).status).toBe(400)
    expect(await visits.sessionIn(browser)).toBeUndefined()
    expect((await visits.auth.store.users.findByCanonicalName('bob'))?.roles).toBe('')
  })
})

describe('as codes are issued and redeemed, the provider is asked', () => {
  const ask = async (browser: TestBrowser, more: Record<string, string> = {}) => {
    const { challenge, verifier } = newPkce()
    const asked = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'orders:read' }
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    const page = await browser.get(`/oauth/authorize?${new URLSearchParams({ ...asked, ...pkce, ...more })}`)
    return { page, verifier }
  }
  const silently = async (browser: TestBrowser) => {
    const { callback } = (await ask(browser, { prompt: 'none' })).page
    return callback.get('error') ?? (callback.has('code') ? 'code' : undefined)
  }

  it('and a no ends the sessions, also where nobody is asked anything', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    expect(await silently(browser)).toBe('code')
    clock.advance(61)
    visits.upstream.giveTokens({ error: 'invalid_grant' }, 400)
    expect(await silently(browser)).toBe('login_required')
    expect(await visits.sessionIn(browser)).toBeUndefined()
  })

  it('and whose word is too old signs in anew, in a session that goes on', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    visits.upstream.answers.set('/token', (_, response) => void response.destroy())
    clock.advance(14_384)
    expect(await silently(browser)).toBe('code')
    clock.advance(16)
    expect(await silently(browser)).toBe('login_required')
    expect((await ask(browser)).page.has('sign-in')).toBe(true)
    expect(await visits.sessionIn(browser)).toBeDefined()
  })

  it('and a factor that it has vouched for, and that has worn off, is asked for there again', async () => {
    const { clock } = await start({ trustsSecondFactor: true })
    const browser = visits.newBrowser()
    await visits.signIn({ ...bob, amr: ['pwd', 'mfa'] }, browser, lasting)
    expect((await ask(browser, { acr_values: '2' })).page.callback.has('code')).toBe(true)
    clock.advance(3601)
    const silent = (await ask(browser, { acr_values: '2', prompt: 'none' })).page
    expect(silent.callback.get('error')).toBe('login_required')
    expect((await ask(browser, { acr_values: '2' })).page.has('sign-in')).toBe(true)
  })

  // Pages that come after the sign-in, and go on at once where nothing is left to be asked.
  it.each(['/login/factor', '/login/organisation'])(
    'and whose word is too old goes on by no page: %s',
    async (path) => {
      const sessionLimits = {
        browserIdle: seconds(86_400),
        secondFactor: seconds(86_400),
        factorIdle: null,
        perUser: 9,
      }
      const { clock } = await start({ trustsSecondFactor: true }, { sessionLimits })
      const browser = visits.newBrowser()
      await visits.signIn({ ...bob, amr: ['pwd', 'mfa'] }, browser, lasting)
      expect((await visits.sessionIn(browser))?.session.acr).toBe('2')
      visits.upstream.answers.set('/token', (_, response) => void response.destroy())
      clock.advance(14_401)
      const { page } = await ask(browser)
      const later = await browser.get(`${path}?flow=${page.form.fields.flow}`)
      expect([later.callback.has('code'), later.has('sign-in')]).toEqual([false, true])
    },
  )

  it('and so is the code of a device', async () => {
    const { clock, postForm } = await start()
    const browser = await signInBob()
    const begun = await postForm('/oauth/device', { scope: 'orders:read' }, basic('web', 'web-secret'))
    const { device_code, user_code } = (await begun.json()) as Record<'device_code' | 'user_code', string>
    const page = await browser.submit(await browser.get('/device'), { user_code })
    await browser.submit(page, { decision: 'allow' })
    clock.advance(61)
    visits.upstream.giveTokens({ error: 'invalid_grant' }, 400)
    const asked = visits.asked('/token')
    const answer = await postForm('/oauth/token', { grant_type: deviceCode, device_code }, basic('web', 'web-secret'))
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect(visits.asked('/token')).toBe(asked + 1)
  })

  it('and a code is worth nothing where it says no meanwhile', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    clock.advance(58)
    const { page, verifier } = await ask(browser)
    clock.advance(3)
    visits.upstream.giveTokens({ error: 'invalid_grant' }, 400)
    const form = { grant_type: 'authorization_code', code: page.callback.get('code') ?? '', redirect_uri: redirectUri }
    const answer = await visits.auth.postForm(
      '/oauth/token',
      { ...form, code_verifier: verifier },
      basic('web', 'web-secret'),
    )
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  })

  it('and a code is not used up for nothing where its word grows too old meanwhile', async () => {
    const { clock } = await start()
    const browser = await signInBob()
    visits.upstream.answers.set('/token', (_, response) => void response.destroy())
    clock.advance(14_380)
    const { page, verifier } = await ask(browser)
    clock.advance(25)
    const form = { grant_type: 'authorization_code', code: page.callback.get('code') ?? '', redirect_uri: redirectUri }
    const answer = await visits.auth.postForm(
      '/oauth/token',
      { ...form, code_verifier: verifier },
      basic('web', 'web-secret'),
    )
    expect(answer.status).toBe(200)
  })
})

it('ends sessions and tokens by a back-channel logout, which counts once', async () => {
  const { postForm, auth, clock } = await start()
  const browser = await signInBob()
  const tokens = await authorize(browser)
  expect(auth.verifier.verify(tokens.access_token)).toHaveProperty('claims')
  const now = clock.now()
  const logout_token = await visits.upstream.signIdToken({
    ...{ sid: 'there', jti: 'once', iat: now, exp: now + 60 },
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
  expect((await postForm('/federation/corp/logout', { logout_token })).status).toBe(200)
  expect(await visits.sessionIn(browser)).toBeUndefined()
  expect((await refresh(tokens)).status).toBe(400)
  expect(auth.verifier.verify(tokens.access_token)).not.toHaveProperty('claims')
  expect((await postForm('/federation/corp/logout', { logout_token })).status).toBe(400)
})

it('hands the tokens of a provider to whoever has the scope, and the user’s own alone (O29)', async () => {
  await start()
  const browser = await signInBob()
  expect((await tokenOf()).status).toBe(401)
  const without = await tokenOf((await authorize(browser)).access_token)
  expect([without.status, without.headers.get('www-authenticate')]).toMatchObject([
    403,
    expect.stringContaining('insufficient_scope'),
  ])
  const machine = await ask({ grant_type: 'client_credentials', scope: 'corp:token' })
  expect((await tokenOf(((await machine.json()) as Tokens).access_token)).status).toBe(401)
  const other = visits.newBrowser()
  await visits.signIn({ sub: 'eve', preferred_username: 'eve' }, other, { access_token: 'eves' })
  const handed = await tokenOf((await authorize(other, 'openid corp:token')).access_token)
  expect([handed.status, await handed.json()]).toMatchObject([200, { access_token: 'eves' }])
  const own = await tokenOf((await authorize(browser, 'openid corp:token')).access_token)
  expect(await own.json()).toMatchObject({ access_token: 'canary-at' })
})
