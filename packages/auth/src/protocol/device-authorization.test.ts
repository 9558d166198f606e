import type { GrantId, SessionId } from '@gatehouse/core/brand'
import { isRefusal } from '@gatehouse/core/contracts'
import { newGrantId } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { createTestProver } from '@gatehouse/guard/testing/test-prover'
import { afterEach, describe, expect, it } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { type ConfiguredClient, noPermissions } from '../domain/clients.ts'
import { endSession, keptGrants } from '../domain/sessions.ts'
import { addUser } from '../domain/users.ts'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { addTotp, currentCode } from '../testing/totp.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
const ordersAudience = 'https://auth.example.com/orders'
const tv: Partial<ConfiguredClient> = {
  id: 'tv',
  authMethod: 'none',
  secret: undefined,
  grantTypes: [grantType, 'refresh_token'],
  scopes: ['orders:read', 'orders:write', 'reports:read'],
  audiences: [ordersAudience, issuer],
  metadata: { client_name: 'The <TV>', authorization_details_types: ['payment'] },
}
const box: Partial<ConfiguredClient> = { ...tv, id: 'box', authMethod: 'client_secret_basic', secret: 'box-secret' }

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

const start = async (client: Partial<ConfiguredClient> = {}, settings: Partial<AuthSettings> = {}): Promise<void> => {
  started = await startAuth({
    clients: [{ ...tv, ...client }, box],
    trustedProxies: ['127.0.0.1'],
    settings: {
      ...settings,
      authorizationDetails: {
        payment: { description: 'Pay once', schema: { properties: { amount: { type: 'string' } } } },
      },
    },
  })
  browser = new TestBrowser(started.url, issuer)
}

type Answered = { readonly status: number; readonly body: Record<string, string>; readonly headers: Headers }
const answered = async (response: Response): Promise<Answered> => ({
  status: response.status,
  headers: response.headers,
  body: (await response.json()) as Record<string, string>,
})
const begin = async (form: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Answered> =>
  answered(
    await started.postForm(
      '/oauth/device',
      { client_id: 'tv', scope: 'openid orders:read', ...form },
      { 'x-forwarded-for': '198.51.100.7', ...headers },
    ),
  )
const poll = async (
  device_code: string | undefined,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
) =>
  answered(
    await started.postForm(
      '/oauth/token',
      { grant_type: grantType, client_id: 'tv', device_code: device_code ?? '', ...form },
      headers,
    ),
  )
const enter = async (userCode: string | undefined, from: TestBrowser = browser): Promise<ShownPage> =>
  from.submit(await from.get('/device'), { user_code: userCode ?? '' })
const signIn = (page: ShownPage, from: TestBrowser = browser): Promise<ShownPage> =>
  from.signIn(page, 'alice', goodPassword)
const consentTo = async (userCode: string | undefined): Promise<ShownPage> => {
  const page = await enter(userCode)
  return page.has('password') ? signIn(page) : page
}
const decide = (page: ShownPage, decision: 'allow' | 'deny'): Promise<ShownPage> => browser.submit(page, { decision })
/** The body of a device authorization that alice has allowed. */
const allowed = async (form: Record<string, string> = {}): Promise<Record<string, string>> => {
  const { body } = await begin(form)
  await decide(await consentTo(body.user_code), 'allow')
  return body
}
const endSessionOf = (id: string): Promise<unknown> =>
  started.store.transaction((tables) =>
    endSession(
      { tables, clock: started.clock, revocations: started.auth.revocations },
      id as SessionId, // read from a token or the audit trail
      { actor: 'test' },
    ),
  )

describe('the device authorization request (RFC 8628 section 3.1)', () => {
  it('is answered with a code for the device and one for its user', async () => {
    await start()
    const { status, headers, body } = await begin()
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({
      device_code: expect.stringMatching(/^ghd_[\w-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${issuer}/device`,
      verification_uri_complete: `${issuer}/device?user_code=${body.user_code}`,
      expires_in: 600,
      interval: 5,
    })
  })

  it('is refused to unknown clients, to those that do not prove themselves, and without the grant type', async () => {
    await start()
    expect((await begin({ client_id: 'nobody' })).body.error).toBe('invalid_client')
    expect((await begin({ client_id: 'box' })).body.error).toBe('invalid_client')
    expect((await begin({ client_id: 'box' }, basic('box', 'box-secret'))).status).toBe(200)
    expect((await begin({ client_id: 'desk-app' })).body.error).toBe('unauthorized_client')
  })

  it('is judged as at the authorization endpoint: scope, audience, details', async () => {
    await start()
    expect((await begin({ scope: 'admin' })).body.error).toBe('invalid_scope')
    expect((await begin({ scope: 'a"b' })).body.error).toBe('invalid_scope')
    expect((await begin({ resource: 'https://evil.example' })).body.error).toBe('invalid_target')
    expect((await begin({ authorization_details: '[{"type":"other"}]' })).body.error).toBe(
      'invalid_authorization_details',
    )
  })

  it('leaves neither code in the store as it is', async () => {
    await start()
    const { body } = await begin()
    expect(await started.store.decoupledRequests.find(body.device_code ?? '')).toBeUndefined()
    const now = started.clock.now()
    expect(
      await started.store.decoupledRequests.findByUserCode(String(body.user_code).replace('-', ''), now),
    ).toBeUndefined()
  })
})

describe('the page for the user code (RFC 8628 section 3.3)', () => {
  it('leads over sign-in and consent to tokens', async () => {
    await start()
    const { body } = await begin({ scope: 'openid orders:read offline_access' })
    const form = await browser.get('/device')
    expect(form.has('user_code') && form.has('continue')).toBe(true)
    const consent = await signIn(await browser.submit(form, { user_code: body.user_code ?? '' }))
    expect(consent.has('allow') && consent.has('deny')).toBe(true)
    expect((await decide(consent, 'allow')).has('done')).toBe(true)
    const { status, headers, body: tokens } = await poll(body.device_code)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'openid orders:read offline_access' })
    const claims = claimsOf(tokens.access_token ?? '')
    expect(claims).toMatchObject({ client_id: 'tv', aud: issuer, acr: '1', amr: ['pwd'], scope: tokens.scope })
    expect(claimsOf(tokens.id_token ?? '')).toMatchObject({ iss: issuer, aud: 'tv', sub: claims.sub, sid: claims.sid })
    const refreshed = await started.postForm('/oauth/token', {
      grant_type: 'refresh_token',
      client_id: 'tv',
      refresh_token: tokens.refresh_token ?? '',
    })
    expect(refreshed.status).toBe(200)
  })

  it('shows client, scope, audience, details and from where it was asked', async () => {
    await start()
    const { body } = await begin({
      scope: 'openid orders:read',
      resource: ordersAudience,
      authorization_details: '[{"type":"payment","amount":"<b>9</b>"}]',
    })
    const { text } = await consentTo(body.user_code)
    for (const shown of [
      'The &lt;TV&gt;',
      'data-scope="orders:read"',
      ordersAudience,
      'Pay once',
      '&lt;b&gt;9&lt;/b&gt;',
      '<strong id="asked-from">198.51.100.7</strong>',
      '<strong id="username">alice</strong>',
    ]) {
      expect(text).toContain(shown)
    }
    expect(text).not.toContain('<b>9')
  })

  it('takes the code in either case, with and without the dash', async () => {
    await start()
    const { body } = await begin()
    const spelled = ` ${String(body.user_code).toLowerCase().replace('-', ' ')}. `
    expect((await enter(spelled)).has('password')).toBe(true)
  })

  it('asks also where the address names the code, and where the app is one’s own', async () => {
    await start({ permissions: { ...noPermissions, firstParty: true, skipConsent: true } })
    const { body } = await begin()
    const form = await browser.get(body.verification_uri_complete ?? '')
    expect(form.text).toContain(`value="${body.user_code}"`)
    const consent = await signIn(await browser.submit(form, {}))
    expect(consent.has('allow')).toBe(true)
    expect((await poll(body.device_code)).body.error).toBe('authorization_pending')
    // Signed in and agreed once: the next device is asked about all the same.
    await decide(consent, 'allow')
    const next = await begin()
    expect((await consentTo(next.body.user_code)).has('allow')).toBe(true)
  })

  it('puts nothing of an address into the page but a code', async () => {
    await start()
    const page = await browser.get('/device?user_code=%22%3E%3Cscript%3E')
    expect(page.text).toContain('id="user_code"')
    expect(page.text).not.toContain('<script')
    expect((await enter('"><script>')).text).not.toContain('<script')
  })

  it('does not take a wrong code, one that is over, and one that has been decided on', async () => {
    await start()
    const first = await begin()
    const wrong = await enter('BBBB-BBBB')
    expect(wrong.status).toBe(400)
    expect(wrong.has('error') && wrong.has('user_code')).toBe(true)
    await decide(await consentTo(first.body.user_code), 'deny')
    expect((await enter(first.body.user_code)).has('user_code')).toBe(true)
    const second = await begin()
    started.clock.advance(600)
    expect((await enter(second.body.user_code)).has('user_code')).toBe(true)
  })

  it('refuses the sixth try after five wrong codes, to the address and to the browser, for five minutes', async () => {
    await start()
    const { body } = await begin()
    for (let tries = 0; tries < 5; tries += 1) expect((await enter('BBBB-BBBB')).status).toBe(400)
    const refused = await enter(body.user_code)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBe(300)
    const stranger = new TestBrowser(started.url, issuer)
    expect((await enter(body.user_code, stranger)).status).toBe(429)
    const elsewhere = await stranger.post(
      '/device',
      { user_code: body.user_code ?? '' },
      { 'x-forwarded-for': '203.0.113.9' },
    )
    expect(elsewhere.has('password')).toBe(true)
    started.clock.advance(300)
    expect((await enter(body.user_code)).has('password')).toBe(true)
  })

  it('counts against the browser whatever address it comes from', async () => {
    await start()
    await browser.get('/login')
    const tryFrom = (index: number): Promise<ShownPage> =>
      browser.post('/device', { user_code: 'BBBBBBBB' }, { 'x-forwarded-for': `203.0.113.${index}` })
    for (let tries = 0; tries < 5; tries += 1) expect((await tryFrom(tries)).status).toBe(400)
    expect((await tryFrom(9)).status).toBe(429)
  })

  it('lets no more than five of fifty guesses at once be looked at', async () => {
    await start()
    const pages = await Promise.all(
      Array.from({ length: 50 }, () => browser.post('/device', { user_code: 'BBBBBBBB' })),
    )
    expect(pages.filter(({ status }) => status === 400)).toHaveLength(5)
    expect(pages.filter(({ status }) => status === 429)).toHaveLength(45)
  })
})

describe('the decision', () => {
  it('is refused from another site, from another browser, and from another session than it was shown in', async () => {
    await start()
    const { body } = await begin()
    const consent = await consentTo(body.user_code)
    const fields = { ...consent.form.fields, decision: 'allow' }
    const foreign = await browser.post('/device', fields, { 'sec-fetch-site': 'cross-site' })
    expect(foreign.status).toBe(403)
    expect((await new TestBrowser(started.url, issuer).post('/device', fields)).status).toBe(404)
    expect((await browser.post('/device', { ...fields, session: 'another' })).has('allow')).toBe(true)
    expect((await poll(body.device_code)).body.error).toBe('authorization_pending')
  })

  it('is taken once', async () => {
    await start()
    const { body } = await begin()
    const consent = await consentTo(body.user_code)
    const answers = await Promise.all([
      decide(consent, 'deny'),
      ...Array.from({ length: 10 }, () => decide(consent, 'allow')),
    ])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(10)
  })

  it('is taken from one of two browsers that have both come so far', async () => {
    await start()
    const { body } = await begin()
    const other = new TestBrowser(started.url, issuer)
    const pages = [await consentTo(body.user_code), await signIn(await enter(body.user_code, other), other)] as const
    const answers = await Promise.all([
      decide(pages[0], 'allow'),
      other.submit(pages[1], { decision: 'allow' }),
      decide(pages[0], 'allow'),
    ])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('to deny is told to the device, with the status of a token endpoint', async () => {
    await start()
    const { body } = await begin()
    expect((await decide(await consentTo(body.user_code), 'deny')).has('denied')).toBe(true)
    const answer = await poll(body.device_code)
    expect([answer.status, answer.body.error]).toEqual([400, 'access_denied'])
    const [event] = await started.store.audit.list({ limit: 1 })
    expect(event).toMatchObject({ type: 'consent_refused', client_id: 'tv' })
  })

  it('gives no more than the user has, and says so to one who has nothing to give', async () => {
    await start()
    const { body } = await begin({ scope: 'openid orders:read reports:read' })
    const consent = await consentTo(body.user_code)
    expect(consent.text).not.toContain('reports:read')
    await decide(consent, 'allow')
    expect((await poll(body.device_code)).body.scope).toBe('openid orders:read')
    const nothing = await begin({ scope: 'reports:read' })
    const page = await consentTo(nothing.body.user_code)
    expect(page.status).toBe(403)
    expect(page.has('allow')).toBe(false)
  })

  it('is noted, with who decided for whom', async () => {
    await start()
    await allowed()
    const [event] = await started.store.audit.list({ limit: 1 })
    expect(event).toMatchObject({ type: 'consent_given', client_id: 'tv', actor: expect.stringMatching(/^usr_/) })
    expect(event?.detail).toContain('198.51.100.7')
  })

  it('needs as strong a sign-in as the client is registered for, and the factor alone is asked for', async () => {
    const metadata = { client_name: 'The <TV>', default_acr_values: ['2' as const] }
    const sessionLimits = { browserIdle: seconds(86_400), secondFactor: seconds(300), factorIdle: null, perUser: 100 }
    await start({ metadata }, { sessionLimits })
    const { body } = await begin()
    const refused = await decide(await consentTo(body.user_code), 'allow')
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('second factor')
    const secret = await addTotp(started, 'alice')
    const stepUp = async (page: ShownPage): Promise<ShownPage> => {
      expect([page.has('verify'), page.has('password'), page.has('allow')]).toEqual([true, false, false])
      return browser.submit(page, { code: currentCode(started, secret) })
    }
    const page = await stepUp(await decide(await enter(body.user_code), 'allow'))
    expect(page.has('allow')).toBe(true)
    // What has worn off while the page was looked at counts no longer.
    started.clock.advance(301)
    const again = await stepUp(await decide(page, 'allow'))
    expect((await poll(body.device_code)).body.error).toBe('authorization_pending')
    await decide(again, 'allow')
    const { access_token = '' } = (await poll(body.device_code)).body
    expect(claimsOf(access_token)).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] })
  })

  it.each([60, 0])('needs as late a sign-in as the client is registered for: %i s', async (default_max_age) => {
    await start({ metadata: { client_name: 'The <TV>', default_max_age } })
    await signIn(await browser.get('/login'))
    started.clock.advance(61)
    const { body } = await begin()
    const again = await decide(await enter(body.user_code), 'allow')
    expect([again.has('password'), again.has('allow')]).toEqual([true, false])
    expect((await poll(body.device_code)).body.error).toBe('authorization_pending')
    await decide(await signIn(again), 'allow')
    started.clock.advance(5)
    const tokens = (await poll(body.device_code)).body
    const { auth_time } = claimsOf(tokens.id_token ?? '')
    expect(auth_time).toBe(started.clock.now() - 5)
  })

  it('is as late a sign-in where that was made for the page itself', async () => {
    await start({ metadata: { client_name: 'The <TV>', default_max_age: 0 } })
    const { body } = await begin()
    expect((await decide(await consentTo(body.user_code), 'allow')).status).toBe(200)
    expect((await poll(body.device_code)).status).toBe(200)
  })

  it('can be refused by whoever has not signed in as strongly', async () => {
    await start({ metadata: { client_name: 'The <TV>', default_acr_values: ['2'] } })
    const { body } = await begin()
    expect((await decide(await consentTo(body.user_code), 'deny')).status).toBe(200)
    expect((await poll(body.device_code)).body.error).toBe('access_denied')
  })

  it('counts only for whoever looks at it: another user of the browser is shown it anew', async () => {
    await start()
    const { store, clock, auth } = started
    await addUser(
      { store, clock, passwords: auth.passwords, revocations: auth.revocations },
      {
        username: 'bob',
        password: `${goodPassword} 2`,
        scopes: ['orders:write'],
        roles: [],
        minimumPasswordLength: 15,
      },
      { actor: 'test' },
    )
    const { body } = await begin({ scope: 'openid orders:read orders:write' })
    const ofAlice = await consentTo(body.user_code)
    await browser.signIn(await browser.get('/login'), 'bob', `${goodPassword} 2`)
    const ofBob = await decide(ofAlice, 'allow')
    expect(ofBob.text).toContain('<strong id="username">bob</strong>')
    await decide(ofBob, 'allow')
    expect((await poll(body.device_code)).body.scope).toBe('openid orders:write')
  })
})

describe('the device code at the token endpoint (RFC 8628 sections 3.4 and 3.5)', () => {
  it('is pending until the user decides, and slows down who polls too early by five seconds each time', async () => {
    await start()
    const { body } = await begin()
    const errorAfter = async (by: number) => {
      started.clock.advance(by)
      return (await poll(body.device_code)).body.error
    }
    expect(await errorAfter(0)).toBe('authorization_pending')
    expect(await errorAfter(5)).toBe('authorization_pending')
    expect(await errorAfter(4)).toBe('slow_down')
    expect(await errorAfter(9)).toBe('slow_down')
    expect(await errorAfter(15)).toBe('authorization_pending')
  })

  it('brings tokens as soon as the user has agreed, and only once: of fifty at a time one gets them', async () => {
    await start()
    const { body } = await begin()
    await poll(body.device_code)
    await decide(await consentTo(body.user_code), 'allow')
    const answers = await Promise.all(Array.from({ length: 50 }, () => poll(body.device_code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter((answer) => answer.body.error === 'invalid_grant')).toHaveLength(49)
    expect((await poll(body.device_code)).body.error).toBe('invalid_grant')
  })

  it('expires, and is unknown some time after that', async () => {
    await start()
    const pending = await begin()
    const { device_code } = await allowed()
    started.clock.advance(600)
    expect((await poll(pending.body.device_code)).body.error).toBe('expired_token')
    expect((await poll(device_code)).body.error).toBe('expired_token')
    started.clock.advance(600)
    await started.store.removeExpired()
    expect((await poll(device_code)).body.error).toBe('invalid_grant')
  })

  it('is nothing to another client, and its polls change nothing', async () => {
    await start()
    const { device_code } = await allowed()
    const stolen = await poll(device_code, { client_id: 'box' }, basic('box', 'box-secret'))
    expect([stolen.status, stolen.body.error]).toEqual([400, 'invalid_grant'])
    expect((await poll('ghd_unknown')).body.error).toBe('invalid_grant')
    expect((await poll('')).body.error).toBe('invalid_request')
    expect((await poll(device_code)).status).toBe(200)
  })

  it('of another client’s poll does not count as early', async () => {
    await start()
    const { body } = await begin()
    await poll(body.device_code, { client_id: 'box' }, basic('box', 'box-secret'))
    expect((await poll(body.device_code)).body.error).toBe('authorization_pending')
  })

  it('brings what was shown, whatever scope the token request names', async () => {
    await start()
    const { device_code } = await allowed({ scope: 'openid orders:read' })
    const { body } = await poll(device_code, { scope: 'openid orders:read orders:write admin' })
    expect(body.scope).toBe('openid orders:read')
    expect(claimsOf(body.access_token ?? '').scope).toBe('openid orders:read')
  })

  it('brings the audiences and details that were agreed to, or fewer audiences', async () => {
    await start()
    const details = '[{"type":"payment","amount":"9"}]'
    const { device_code } = await allowed({ resource: ordersAudience, authorization_details: details })
    expect((await poll(device_code, { resource: issuer })).body.error).toBe('invalid_target')
    const { body } = await poll(device_code, { resource: ordersAudience })
    const claims = claimsOf(body.access_token ?? '')
    expect(claims).toMatchObject({ aud: ordersAudience, authorization_details: JSON.parse(details) })
  })

  it('brings a refresh token by the same rules as an authorization code', async () => {
    await start()
    expect(
      (await poll((await allowed({ scope: 'openid orders:read' })).device_code)).body.refresh_token,
    ).toBeUndefined()
    const withoutOpenid = (await poll((await allowed({ scope: 'orders:read' })).device_code)).body
    expect(withoutOpenid.refresh_token).toMatch(/^ghr_/)
    expect(withoutOpenid.id_token).toBeUndefined()
  })

  it('brings tokens that are bound to the key of the proof', async () => {
    await start()
    const { device_code } = await allowed()
    const nonce = started.auth.dpop.nonces.current()
    const proof = createTestProver().proof({
      htu: `${issuer}/oauth/token`,
      htm: 'POST',
      iat: started.clock.now(),
      nonce,
    })
    const { body } = await poll(device_code, {}, { dpop: proof })
    expect(body.token_type).toBe('DPoP')
    expect(claimsOf(body.access_token ?? '')).toMatchObject({ cnf: { jkt: expect.any(String) } })
    // A proof that was used before uses no code up.
    const { device_code: another } = await allowed()
    expect((await poll(another, {}, { dpop: proof })).body.error).toBe('invalid_dpop_proof')
    expect((await poll(another)).status).toBe(200)
  })

  it('brings nothing once the session in which it was approved has ended', async () => {
    await start()
    const { device_code } = await allowed()
    const [event] = await started.store.audit.list({ limit: 1 })
    await endSessionOf(event?.session_id ?? '')
    expect((await poll(device_code)).body.error).toBe('invalid_grant')
  })

  it('brings tokens that end with the session', async () => {
    await start()
    const tokens = (await poll((await allowed({ scope: 'orders:read' })).device_code)).body
    await endSessionOf(String(claimsOf(tokens.access_token ?? '').sid))
    const again = await started.postForm('/oauth/token', {
      grant_type: 'refresh_token',
      client_id: 'tv',
      refresh_token: tokens.refresh_token ?? '',
    })
    expect(((await again.json()) as Record<string, string>).error).toBe('invalid_grant')
  })

  it('are ended from the oldest on where a device has had very many in one session', async () => {
    await start()
    const first = (await poll((await allowed()).device_code)).body.access_token ?? ''
    const grant = await started.store.grants.find(claimsOf(first).gid as GrantId) // read from a token
    if (!grant) throw new Error('there is no grant')
    started.clock.advance(1)
    const created_at = started.clock.now()
    for (let count = 1; count < 2 * keptGrants; count += 1) {
      await started.store.grants.insert({ ...grant, id: newGrantId(), created_at })
    }
    started.clock.advance(60)
    const last = (await poll((await allowed()).device_code)).body.access_token ?? ''
    const isGood = (token: string): boolean => !isRefusal(started.auth.verifier.verify(token))
    expect([first, last].map(isGood)).toEqual([false, true])
    expect(await started.store.grants.endBySession(grant.session_id, 1000)).toHaveLength(keptGrants)
  })
})
