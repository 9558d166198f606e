import type { GrantId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { Secret, TOTP } from 'otpauth'
import { afterEach, describe, expect, it } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { type ConfiguredClient, noPermissions } from '../domain/clients.ts'
import { setPassword } from '../domain/users.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

async function start(roles: readonly string[] = [], settings: Partial<AuthSettings> = {}): Promise<void> {
  started = await startAuth({
    settings: { secondFactor: { requiredForRoles: roles, rememberFor: 86_400 as never }, ...settings },
    clients: [
      {
        id: 'web',
        secret: 'web-secret',
        grantTypes: ['authorization_code', 'refresh_token'],
        metadata: { redirect_uris: [redirectUri] },
        permissions: { ...noPermissions, skipConsent: true },
      },
    ],
  })
  browser = new TestBrowser(started.url, issuer)
}

const codeOf = (secret: string): string =>
  new TOTP({ secret: Secret.fromBase32(secret), algorithm: 'SHA1', digits: 6, period: 30 }).generate({
    timestamp: started.clock.milliseconds(),
  })
const textOf = (page: ShownPage, id: string): string =>
  new RegExp(`id="${id}"[^>]*>([^<]*)<`).exec(page.text)?.[1] ?? ''
const factorOn = (page: ShownPage): string => /data-factor="([^"]+)"/.exec(page.text)?.[1] ?? ''
const recoveryCodesOf = (page: ShownPage): readonly string[] =>
  [...page.text.matchAll(/<li><code>([^<]+)<\/code>/g)].map((match) => match[1] ?? '')
const signIn = (page: ShownPage): Promise<ShownPage> => browser.signIn(page, 'alice', goodPassword)

/** Signs in and sets up an authenticator app. */
async function enrol(): Promise<{ secret: string; codes: readonly string[] }> {
  const security = await signIn(await browser.get('/account/security'))
  expect(security.has('no-factors')).toBe(true)
  const page = await browser.post('/account/totp', { flow: security.form.fields.flow ?? '' })
  expect(page.text).toContain('<svg')
  const secret = textOf(page, 'secret')
  const wrong = await browser.submit(page, { code: '000000' })
  expect(wrong.status).toBe(401)
  expect(textOf(wrong, 'secret')).toBe(secret)
  const codes = recoveryCodesOf(await browser.submit(wrong, { code: codeOf(secret) }))
  expect(codes).toHaveLength(10)
  started.clock.advance(60)
  return { secret, codes }
}

const authorize = (more: Record<string, string> = {}): Promise<ShownPage> => {
  const query = new URLSearchParams({
    client_id: 'web',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...more,
  })
  return browser.get(`/oauth/authorize?${query}`)
}
const exchange = async (answer: ShownPage): Promise<Record<string, string>> => {
  const form = { grant_type: 'authorization_code', code: answer.callback.get('code') ?? '', redirect_uri: redirectUri }
  const response = await started.postForm(
    '/oauth/token',
    { ...form, code_verifier: pkce.verifier },
    basic('web', 'web-secret'),
  )
  return (await response.json()) as Record<string, string>
}
const claimsFor = async (answer: ShownPage): Promise<Record<string, unknown>> =>
  claimsOf((await exchange(answer)).id_token ?? '')

describe('a second factor on the pages', () => {
  it('is asked for after the password, and told by acr and amr', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    const page = await signIn(await authorize())
    expect(page.has('verify') && page.has('use-recovery-code')).toBe(true)
    expect(browser.cookies.has('__Host-gatehouse_session')).toBe(false)
    const claims = await claimsFor(await browser.submit(page, { code: codeOf(secret) }))
    expect(claims).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] })
  })

  it('takes each code once, also of two at a time', async () => {
    await start()
    const { secret } = await enrol()
    const code = codeOf(secret)
    const tries = await Promise.all(
      [1, 2, 3].map(async () => {
        const own = new TestBrowser(started.url, issuer)
        const page = await own.signIn(await own.get('/login'), 'alice', goodPassword)
        return own.submit(page, { code })
      }),
    )
    expect(tries.filter((page) => page.has('username'))).toHaveLength(1)
    started.clock.advance(25)
    browser = new TestBrowser(started.url, issuer)
    const later = await browser.submit(await signIn(await browser.get('/login')), { code })
    expect(later.status).toBe(401)
  })

  it('takes each recovery code once, in any spelling', async () => {
    await start()
    const { codes } = await enrol()
    const [code = ''] = codes
    for (const [typed, status] of [
      [code.toLowerCase().replaceAll('-', ' '), 200],
      [code, 401],
    ] as const) {
      browser = new TestBrowser(started.url, issuer)
      const page = await signIn(await browser.get('/login'))
      const answer = await browser.post('/login/factor', {
        flow: page.form.fields.flow ?? '',
        method: 'recovery_code',
        code: typed,
      })
      expect(answer.status).toBe(status)
    }
  })

  it('is refused after five wrong codes, whatever comes then, also at once', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    const page = await signIn(await browser.get('/login'))
    const wrong = await Promise.all(Array.from({ length: 50 }, () => browser.submit(page, { code: '000000' })))
    expect(wrong.filter(({ status }) => status === 401)).toHaveLength(5)
    expect(wrong.filter(({ status }) => status === 429)).toHaveLength(45)
    const right = await browser.submit(page, { code: codeOf(secret) })
    expect(right.status).toBe(429)
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
    started.clock.advance(301)
    expect((await browser.submit(page, { code: codeOf(secret) })).has('username')).toBe(true)
  })

  it('is noted in the audit trail where it is wrong, on the pages and over the JSON API', async () => {
    await start()
    await enrol()
    browser = new TestBrowser(started.url, issuer)
    await browser.submit(await signIn(await browser.get('/login')), { code: '000000' })
    const first = await started.postJson('/login', { username: 'alice', password: goodPassword })
    const { mfa_token } = (await first.json()) as { mfa_token: string }
    await started.postJson('/login/mfa', { mfa_token, method: 'totp', code: '000000' })
    const user = await started.store.users.findByCanonicalName('alice')
    const events = await started.store.audit.list({ limit: 50 })
    const [wrong] = events.filter(({ result }) => result === 'wrong_factor')
    expect(wrong).toMatchObject({ type: 'sign_in', target: user?.id, count: 2 })
    expect(started.signIns.filter((result) => result === 'wrong')).toHaveLength(2)
  })

  it('is refused after a hundred wrong codes in a day, however slowly they come', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    const statuses: number[] = []
    for (let round = 0; round < 21; round += 1) {
      const page = await signIn(await browser.get('/login'))
      for (let index = 0; index < 5; index += 1) statuses.push((await browser.submit(page, { code: '000000' })).status)
      started.clock.advance(301)
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(100)
    const page = await signIn(await browser.get('/login'))
    expect((await browser.submit(page, { code: codeOf(secret) })).status).toBe(429)
    started.clock.advance(86_400)
    const later = await signIn(await browser.get('/login'))
    expect((await browser.submit(later, { code: codeOf(secret) })).has('username')).toBe(true)
  })

  it('cannot be passed over: a half sign-in opens nothing, and ends with a change of the password', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    const page = await signIn(await authorize())
    const flow = page.form.fields.flow ?? ''
    expect((await browser.get(`/consent?flow=${flow}`)).has('password')).toBe(true)
    expect((await browser.get('/account/security')).has('password')).toBe(true)
    expect((await browser.get(`/login/enrol?flow=${flow}`)).status).toBe(403)
    expect((await browser.get(`/login/continue?flow=${flow}`)).has('password')).toBe(true)
    expect((await authorize({ prompt: 'none' })).callback.get('error')).toBe('login_required')
    const user = await started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('no alice')
    const { store, clock, auth } = started
    const change = { user, password: 'another long passphrase', minimumLength: 15 }
    await setPassword({ store, clock, ...auth }, change, {
      actor: 'test',
    })
    expect((await browser.submit(page, { code: codeOf(secret) })).status).toBe(404)
  })

  it('is not asked for in a browser that is remembered, and that sign-in says so', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    await browser.submit(await signIn(await browser.get('/login')), { code: codeOf(secret), remember: 'yes' })
    browser.cookies.delete('__Host-gatehouse_session')
    expect(await claimsFor(await signIn(await authorize()))).toMatchObject({ acr: '1', amr: ['pwd'] })
    browser.cookies.delete('__Host-gatehouse_session')
    started.clock.advance(86_400)
    expect((await signIn(await authorize())).has('verify')).toBe(true)
  })

  it('is asked for again in every browser once the password is a new one', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    await browser.submit(await signIn(await browser.get('/login')), { code: codeOf(secret), remember: 'yes' })
    const user = await started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('alice is gone')
    const { store, clock, auth } = started
    const change = { user, password: 'another long passphrase', minimumLength: 15 }
    await setPassword({ store, clock, ...auth }, change, { actor: 'test' })
    const page = await browser.signIn(await browser.get('/login'), 'alice', change.password)
    expect(page.has('verify')).toBe(true)
  })

  it('must be set up by users of a role that requires it, before anything else', async () => {
    await start(['clerk'])
    const page = await signIn(await authorize())
    expect(page.has('confirm')).toBe(true)
    expect(browser.cookies.has('__Host-gatehouse_session')).toBe(false)
    const shown = await browser.submit(page, { code: codeOf(textOf(page, 'secret')) })
    expect(recoveryCodesOf(shown)).toHaveLength(10)
    const next = /id="continue"[^>]* href="([^"]+)"/.exec(shown.text)?.[1] ?? ''
    expect(await claimsFor(await browser.get(next))).toMatchObject({ acr: '2' })
  })
})

describe('a stronger sign-in that an app asks for (RFC 9470 section 5)', () => {
  it('asks only for what is missing', async () => {
    await start()
    const { secret } = await enrol()
    const page = await authorize({ acr_values: '2' })
    expect(page.has('verify') && !page.has('password')).toBe(true)
    expect(await claimsFor(await browser.submit(page, { code: codeOf(secret) }))).toMatchObject({ acr: '2' })
    expect((await authorize({ acr_values: '2' })).callback.has('code')).toBe(true)
    // What was shown a day ago counts no longer: the session goes on, with one factor.
    started.clock.advance(86_401)
    expect((await authorize({ acr_values: '2' })).has('code')).toBe(true)
    expect(await claimsFor(await authorize())).toMatchObject({ acr: '1', amr: ['pwd'] })
  })

  it('is shown once for all tabs that ask for it', async () => {
    await start()
    const { secret } = await enrol()
    const [first, second, third] = [
      await authorize({ acr_values: '2' }),
      await authorize({ acr_values: '2' }),
      await authorize({ acr_values: '2' }),
    ]
    const code = codeOf(secret)
    expect(await claimsFor(await browser.submit(first, { code }))).toMatchObject({ acr: '2' })
    // The same code, which is used up; and a tab that is loaded again.
    expect(await claimsFor(await browser.submit(second, { code }))).toMatchObject({ acr: '2' })
    expect(await claimsFor(await browser.get(`/login/factor?flow=${third.form.fields.flow}`))).toMatchObject({
      acr: '2',
    })
  })

  it('is asked for by default where the app is registered so, and a request may say otherwise', async () => {
    await start()
    const { secret } = await enrol()
    const clients = started.settings.clients.map(
      (client): ConfiguredClient =>
        client.id === 'web' ? { ...client, metadata: { ...client.metadata, default_acr_values: ['2'] } } : client,
    )
    started.auth.replaceSettings({ ...started.settings, clients })
    const page = await authorize()
    expect(page.has('verify')).toBe(true)
    expect((await authorize({ acr_values: '1' })).callback.has('code')).toBe(true)
    expect(await claimsFor(await browser.submit(page, { code: codeOf(secret) }))).toMatchObject({ acr: '2' })
  })

  it('fails for a user who has no second factor, and ignores classes that nobody knows', async () => {
    await start()
    await signIn(await authorize())
    expect((await authorize({ acr_values: '2' })).callback.get('error')).toBe('unmet_authentication_requirements')
    expect((await authorize({ acr_values: 'urn:example:gold' })).callback.has('code')).toBe(true)
    const essential = '{"id_token":{"acr":{"essential":true,"value":"2"}}}'
    expect((await authorize({ claims: essential, acr_values: '1' })).callback.get('error')).toBe(
      'unmet_authentication_requirements',
    )
  })
})

describe('a second factor that has worn off', () => {
  const hour = 3600
  const sessionLimits = {
    browserIdle: seconds(30 * 86_400),
    secondFactor: seconds(2 * hour),
    factorIdle: null,
    perUser: 100,
  }
  const asWeb = basic('web', 'web-secret')
  const refresh = async (refresh_token = ''): Promise<Record<string, string>> => {
    const answer = await started.postForm('/oauth/token', { grant_type: 'refresh_token', refresh_token }, asWeb)
    return (await answer.json()) as Record<string, string>
  }
  const [strong, weak] = [
    { acr: '2', amr: ['pwd', 'otp', 'mfa'] },
    { acr: '1', amr: ['pwd'] },
  ]

  it('is told of by no token any more, and counts from when it was shown, not from the sign-in', async () => {
    await start([], { sessionLimits })
    const { secret } = await enrol()
    started.clock.advance(hour)
    const scope = 'openid offline_access'
    const page = await browser.submit(await authorize({ acr_values: '2', scope }), { code: codeOf(secret) })
    let tokens = await exchange(page)
    started.clock.advance(2 * hour)
    tokens = await refresh(tokens.refresh_token)
    for (const token of [tokens.access_token, tokens.id_token]) expect(claimsOf(token ?? '')).toMatchObject(strong)
    started.clock.advance(1)
    tokens = await refresh(tokens.refresh_token)
    for (const token of [tokens.access_token, tokens.id_token]) expect(claimsOf(token ?? '')).toMatchObject(weak)
    const told = await started.postForm('/oauth/introspect', { token: tokens.refresh_token ?? '' }, asWeb)
    expect(await told.json()).toMatchObject({ active: true, acr: '1' })
    // It can be shown again, and counts again.
    started.clock.advance(60)
    const again = await browser.submit(await authorize({ acr_values: '2' }), { code: codeOf(secret) })
    expect(await claimsFor(again)).toMatchObject(strong)
  })

  it('is as old as the sign-in in grants from before its moment was noted', async () => {
    await start([], { sessionLimits })
    const { secret } = await enrol()
    const scope = 'openid offline_access'
    const page = await browser.submit(await authorize({ acr_values: '2', scope }), { code: codeOf(secret) })
    const { refresh_token = '' } = await exchange(page)
    const [id = ''] = refresh_token.replace('ghr_', '').split('.')
    const grant = await started.store.grants.end(id as GrantId)
    if (!grant) throw new Error('no grant')
    await started.store.grants.insert({ ...grant, factor_at: null })
    started.clock.advance(2 * hour - 60)
    const last = await refresh(refresh_token)
    expect(claimsOf(last.access_token ?? '')).toMatchObject(strong)
    started.clock.advance(1)
    expect(claimsOf((await refresh(last.refresh_token)).access_token ?? '')).toMatchObject(weak)
  })

  it('wears off in what was signed in over the JSON API too', async () => {
    await start([], { sessionLimits })
    const { secret } = await enrol()
    const { mfa_token } = (await (
      await started.postJson('/login', { username: 'alice', password: goodPassword })
    ).json()) as Record<string, string>
    const shown = await started.postJson('/login/mfa', { mfa_token, method: 'totp', code: codeOf(secret) })
    let pair = (await shown.json()) as Record<string, string>
    const next = async () => {
      pair = (await (
        await started.postJson('/token/refresh', { refresh_token: pair.refresh_token })
      ).json()) as typeof pair
      return claimsOf(pair.access_token ?? '')
    }
    started.clock.advance(2 * hour)
    expect(await next()).toMatchObject(strong)
    started.clock.advance(1)
    expect(await next()).toMatchObject(weak)
  })

  it('wears off while a code waits to be fetched', async () => {
    await start([], { sessionLimits })
    const { secret } = await enrol()
    const page = await browser.submit(await authorize({ acr_values: '2' }), { code: codeOf(secret) })
    expect(await claimsFor(page)).toMatchObject(strong)
    started.clock.advance(2 * hour)
    const waiting = await authorize()
    started.clock.advance(1)
    expect(await claimsFor(waiting)).toMatchObject(weak)
  })
})

describe('a second factor over the JSON API', () => {
  it('is asked for by mfa_required, and shown at /login/mfa once', async () => {
    await start()
    const { secret } = await enrol()
    const first = await started.postJson('/login', { username: 'alice', password: goodPassword, scope: 'orders:read' })
    expect(first.status).toBe(401)
    const body = (await first.json()) as Record<string, string>
    expect(body).toMatchObject({ error: 'mfa_required', methods: ['totp', 'recovery_code'] })
    const show = (code: string) => started.postJson('/login/mfa', { mfa_token: body.mfa_token, method: 'totp', code })
    expect((await show('000000')).status).toBe(401)
    const answers = await Promise.all([show(codeOf(secret)), show(codeOf(secret))])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401])
    const good = answers.find(({ status }) => status === 200)
    const tokens = (await good?.json()) as { access_token: string; scope: string }
    expect(tokens.scope).toBe('orders:read')
    expect(claimsOf(tokens.access_token)).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] })
    started.clock.advance(30)
    expect((await show(codeOf(secret))).status).toBe(401)
    const validated = await started.postJson('/validate', { token: body.mfa_token })
    expect(await validated.json()).toMatchObject({ valid: false })
  })

  it('is needed for a client that is registered so, also by who has none, and the answer says what is missing', async () => {
    await start()
    const own: ConfiguredClient = {
      ...(started.settings.clients.find(({ id }) => id === 'desk-app') as ConfiguredClient), // of every test
      ...{ id: 'vault', metadata: { default_acr_values: ['2'] } },
    }
    started.auth.replaceSettings({ ...started.settings, clients: [...started.settings.clients, own] })
    const asked = { username: 'alice', password: goodPassword, client_id: 'vault' }
    const refused = await started.postJson('/login', asked)
    expect([refused.status, await refused.json()]).toMatchObject([
      401,
      { error: 'mfa_required', methods: [], error_description: expect.stringContaining('/account/security') },
    ])
    expect((await started.postJson('/login', { ...asked, client_id: 'desk-app' })).status).toBe(200)
    const { secret } = await enrol()
    const { mfa_token } = (await (await started.postJson('/login', asked)).json()) as Record<string, string>
    const shown = await started.postJson('/login/mfa', { mfa_token, method: 'totp', code: codeOf(secret) })
    const { access_token } = (await shown.json()) as Record<string, string>
    expect(claimsOf(access_token ?? '')).toMatchObject({ client_id: 'vault', acr: '2' })
  })

  it('says no more of an account than before: a wrong password is a wrong password', async () => {
    await start()
    await enrol()
    const wrong = await started.postJson('/login', { username: 'alice', password: 'wrong' })
    expect(await wrong.json()).toMatchObject({ error: 'invalid_credentials' })
  })
})

describe('the security page', () => {
  it('asks for a new sign-in before anything is changed that was not signed in to lately', async () => {
    await start()
    await enrol()
    const page = await browser.get('/account/security')
    expect(textOf(page, 'codes-left')).toBe('10')
    started.clock.advance(300)
    const flow = page.form.fields.flow ?? ''
    const factor = factorOn(page)
    expect((await browser.post('/account/factors/remove', { flow, factor })).has('password')).toBe(true)
    expect((await browser.post('/account/recovery-codes', { flow })).has('password')).toBe(true)
    expect((await browser.get('/account/security')).has('factors')).toBe(true)
  })

  it('asks who has a second factor for it, also where the browser is remembered', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    await browser.submit(await signIn(await browser.get('/login')), { code: codeOf(secret), remember: 'yes' })
    browser.cookies.delete('__Host-gatehouse_session')
    const page = await signIn(await browser.get('/account/security'))
    const flow = page.form.fields.flow ?? ''
    const asked = await browser.post('/account/factors/remove', { flow, factor: factorOn(page) })
    expect(asked.has('verify')).toBe(true)
    for (const [path, fields] of [
      ['/account/passkeys', {}],
      ['/account/totp', {}],
      ['/account/recovery-codes', {}],
      ['/account/profile/email', { email: 'mallory@example.com' }],
    ] as const) {
      expect((await browser.post(path, { flow, ...fields })).has('verify'), path).toBe(true)
    }
    started.clock.advance(30)
    const proven = await browser.submit(asked, { code: codeOf(secret) })
    expect(proven.has('factors')).toBe(true)
    expect((await browser.post('/account/factors/remove', { flow, factor: factorOn(page) })).has('no-factors')).toBe(
      true,
    )
  })

  it('removes a factor with its recovery codes, in this account alone', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    await browser.submit(await signIn(await browser.get('/login')), { code: codeOf(secret) })
    const page = await browser.get('/account/security')
    const { flow = '' } = page.form.fields
    const factor = factorOn(page)
    expect((await browser.post('/account/factors/remove', { flow, factor: 'other' })).status).toBe(404)
    const stranger = new TestBrowser(started.url, issuer)
    expect((await stranger.post('/account/factors/remove', { flow, factor })).status).toBe(404)
    expect((await browser.post('/account/factors/remove', { flow, factor })).has('no-factors')).toBe(true)
    browser = new TestBrowser(started.url, issuer)
    expect((await signIn(await browser.get('/login'))).has('username')).toBe(true)
  })

  it('keeps secrets and codes nowhere in clear', async () => {
    await start()
    const { secret, codes } = await enrol()
    const user = await started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('no alice')
    const kept = JSON.stringify(await started.store.factors.listByUser(user.id))
    expect(kept).not.toContain(secret)
    for (const code of codes) expect(kept).not.toContain(code.replaceAll('-', ''))
  })
})

describe('signing in again', () => {
  const flowOf = (page: ShownPage): string => page.form.fields.flow ?? ''

  it.each([{ prompt: 'login' }, { max_age: '10' }])('is not got around by going on without it: %o', async (asked) => {
    await start()
    await signIn(await authorize())
    started.clock.advance(60)
    const page = await authorize(asked)
    expect(page.has('password')).toBe(true)
    const answer = await browser.get(`/login/continue?flow=${flowOf(page)}`)
    expect([answer.has('password'), answer.callback.has('code')]).toEqual([true, false])
  })

  it.each([{ prompt: 'login' }, { max_age: '10' }])('takes more than the second factor: %o', async (asked) => {
    await start()
    const { secret } = await enrol()
    const page = await authorize(asked)
    expect(page.has('password')).toBe(true)
    const factor = { flow: flowOf(page), method: 'totp', code: codeOf(secret) }
    const answer = await browser.post('/login/factor', factor)
    expect([answer.has('password'), answer.callback.has('code')]).toEqual([true, false])
  })

  it('does not make a session newer that a second factor is added to', async () => {
    await start()
    const { secret } = await enrol()
    browser = new TestBrowser(started.url, issuer)
    const remembered = await browser.submit(await signIn(await browser.get('/login')), {
      code: codeOf(secret),
      remember: 'yes',
    })
    expect(remembered.has('username')).toBe(true)
    started.clock.advance(60)
    const since = started.clock.now()
    await signIn(await authorize({ prompt: 'login' }))
    started.clock.advance(60)
    const page = await authorize({ acr_values: '2' })
    const claims = await claimsFor(await browser.submit(page, { code: codeOf(secret) }))
    expect(claims).toMatchObject({ acr: '2', auth_time: since })
  })
})
