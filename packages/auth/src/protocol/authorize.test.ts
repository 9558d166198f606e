import { afterEach, describe, expect, it } from 'vitest'
import { noPermissions } from '../domain/clients.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const redirectUri = 'https://app.example.com/cb'
const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code', 'refresh_token'] as const,
  scopes: ['orders:read', 'orders:write'],
  metadata: { client_name: 'Web <b>shop</b>', redirect_uris: [redirectUri, 'https://app.example.com/cb?tenant=1'] },
}

let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

const start = async (client: object = {}, others: readonly object[] = []): Promise<void> => {
  started = await startAuth({ clients: [{ ...web, ...client }, ...others] })
  browser = new TestBrowser(started.url, issuer)
}

const pkce = newPkce()
const query = (parameters: Record<string, string> = {}): string => {
  const all = new URLSearchParams({
    client_id: 'web',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid orders:read',
    state: 'sté/%2B ',
    nonce: 'n-1',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...parameters,
  })
  for (const [name, value] of Object.entries(parameters)) if (value === '-') all.delete(name)
  return `/oauth/authorize?${all}`
}
const signIn = (page: ShownPage): Promise<ShownPage> => browser.signIn(page, 'alice', goodPassword)
const allow = (page: ShownPage): Promise<ShownPage> => browser.submit(page, { decision: 'allow' })
const authorize = async (parameters: Record<string, string> = {}): Promise<ShownPage> =>
  allow(await signIn(await browser.get(query(parameters))))

const exchange = async (
  code: string | null,
  form: Record<string, string> = {},
  headers = basic('web', 'web-secret'),
) => {
  const response = await started.postForm(
    '/oauth/token',
    {
      grant_type: 'authorization_code',
      code: code ?? '',
      redirect_uri: redirectUri,
      code_verifier: pkce.verifier,
      ...form,
    },
    headers,
  )
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}

describe('an authorization request (RFC 6749 section 4.1)', () => {
  it('leads over sign-in and consent to a code, and the code to tokens', async () => {
    await start()
    const page = await browser.get(query())
    expect(page.status).toBe(200)
    expect(['username', 'password', 'sign-in'].every((id) => page.has(id))).toBe(true)
    const consent = await signIn(page)
    expect(consent.has('allow') && consent.has('deny')).toBe(true)
    expect(consent.text).toContain('Web &lt;b&gt;shop&lt;/b&gt;')
    expect(consent.text).toContain('data-scope="orders:read"')
    const answer = await allow(consent)
    expect(answer.status).toBe(303)
    expect(answer.callback.get('state')).toBe('sté/%2B ')
    expect(answer.callback.get('iss')).toBe(issuer)

    const { status, body } = await exchange(answer.callback.get('code'))
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid orders:read', expires_in: 300 })
    expect(body.refresh_token).toBeUndefined()
    const claims = claimsOf(body.access_token ?? '')
    expect(claims).toMatchObject({ client_id: 'web', aud: issuer, acr: '1', amr: ['pwd'] })
    expect(claimsOf(body.id_token ?? '')).toMatchObject({
      iss: issuer,
      aud: 'web',
      sub: claims.sub,
      nonce: 'n-1',
      auth_time: claims.auth_time,
    })
  })

  it('asks nobody again who has agreed, until more is asked for', async () => {
    await start()
    await authorize()
    expect((await browser.get(query())).callback.get('code')).toMatch(/^ghc_/)
    const more = await browser.get(query({ scope: 'openid orders:read orders:write' }))
    expect(more.has('allow')).toBe(true)
    await allow(more)
    expect((await browser.get(query({ scope: 'openid orders:write' }))).callback.get('code')).toMatch(/^ghc_/)
    expect((await browser.get(query({ prompt: 'consent' }))).has('allow')).toBe(true)
  })

  it('asks nobody for an app of one’s own', async () => {
    await start({ permissions: { ...noPermissions, skipConsent: true } })
    expect((await signIn(await browser.get(query()))).callback.get('code')).toMatch(/^ghc_/)
  })

  it('tells the client that the user has refused', async () => {
    await start()
    const consent = await signIn(await browser.get(query()))
    const answer = await browser.submit(consent, { decision: 'deny' })
    expect(Object.fromEntries(answer.callback)).toMatchObject({
      error: 'access_denied',
      state: 'sté/%2B ',
      iss: issuer,
    })
  })

  it('is refused where its state could not be given back', async () => {
    await start()
    const page = await browser.get(`${query({ state: '-' })}&state=%FF`)
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })

  it('goes on in each tab by itself', async () => {
    await start()
    const first = await browser.get(query({ state: 'first' }))
    const second = await browser.get(query({ state: 'second' }))
    const answer = await allow(await signIn(second))
    expect(answer.callback.get('state')).toBe('second')
    // Agreed to by now.
    expect((await signIn(first)).callback.get('state')).toBe('first')
  })

  it('goes on in no other browser', async () => {
    await start()
    const page = await browser.get(query())
    const stranger = new TestBrowser(started.url, issuer)
    await stranger.get(query())
    const answer = await stranger.post(page.form.action, {
      ...page.form.fields,
      username: 'alice',
      password: goodPassword,
    })
    expect(answer.status).toBe(404)
    expect(stranger.cookies.has('__Host-gatehouse_session')).toBe(false)
  })

  it('is answered once, however often the form is sent', async () => {
    await start()
    const consent = await signIn(await browser.get(query()))
    const answers = await Promise.all(Array.from({ length: 10 }, () => allow(consent)))
    expect(answers.filter((answer) => answer.callback.has('code'))).toHaveLength(1)
  })

  it('does not take the consent of one user for another’s', async () => {
    await start()
    const consent = await signIn(await browser.get(query()))
    await browser.post('/login/password', {}) // no flow: refused
    const fields = { ...consent.form.fields, session: 'another-session' }
    expect((await browser.post('/consent', { ...fields, decision: 'allow' })).has('allow')).toBe(true)
  })

  it('refuses forms that another site has sent', async () => {
    await start()
    const page = await browser.get(query())
    const fields = { ...page.form.fields, username: 'alice', password: goodPassword }
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
      expect((await browser.post('/login/password', fields, headers)).status).toBe(403)
    }
    expect((await browser.post('/login/password', fields, { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  it('gives a wrong password the page again, and a new session id to every sign-in', async () => {
    await start()
    const page = await browser.get(query())
    const wrong = await browser.signIn(page, 'alice', 'wrong')
    expect(wrong.status).toBe(401)
    expect(wrong.has('error') && wrong.has('password')).toBe(true)
    await signIn(wrong)
    const before = browser.cookies.get('__Host-gatehouse_session')
    await signIn(await browser.get(query({ prompt: 'login' })))
    const after = browser.cookies.get('__Host-gatehouse_session')
    expect(after).not.toBe(before)
    const fixed = new TestBrowser(started.url, issuer)
    fixed.cookies.set('__Host-gatehouse_session', before ?? '')
    expect((await fixed.get(query({ prompt: 'none' }))).callback.get('error')).toBe('login_required')
  })

  it('shows its pages to no frame and keeps them nowhere', async () => {
    await start()
    const { headers } = await browser.get(query())
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('content-security-policy')).toContain("form-action 'self' https:;")
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

describe('a request that cannot be answered by a redirect (RFC 6749 section 4.1.2.1)', () => {
  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['no client', { client_id: '-' }],
    ['no redirect_uri', { redirect_uri: '-' }],
    ['userinfo', { redirect_uri: 'https://app.example.com@evil.test/cb' }],
    ['a longer host', { redirect_uri: 'https://app.example.com.evil/cb' }],
    ['a longer path', { redirect_uri: 'https://app.example.com/cb/' }],
    ['dot segments', { redirect_uri: 'https://app.example.com/x/../cb' }],
    ['an escape', { redirect_uri: 'https://app.example.com/%63b' }],
    ['capitals', { redirect_uri: 'HTTPS://app.example.com/cb' }],
    ['a fragment', { redirect_uri: 'https://app.example.com/cb#x' }],
    ['an added query', { redirect_uri: 'https://app.example.com/cb?x=1' }],
    ['a script', { redirect_uri: 'javascript:alert(1)', response_mode: 'form_post' }],
    ['data', { redirect_uri: 'data:text/html,x', response_mode: 'form_post' }],
    ['a backslash', { redirect_uri: 'https://app.example.com\\@evil' }],
    ['a tab', { redirect_uri: 'https://app.example.com/cb\t' }],
    ['another port of localhost', { redirect_uri: 'http://localhost:80@evil.test' }],
  ])('is shown as a page: %s', async (_, parameters) => {
    await start()
    const page = await browser.get(query(parameters))
    expect(page.status).toBe(400)
    expect(page.headers.get('location')).toBeNull()
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.text).not.toContain('evil')
  })

  it('is shown as a page when a parameter comes twice', async () => {
    await start()
    for (const twice of ['scope=openid', 'redirect_uri=https://evil.example', 'client_id=web', 'state=x']) {
      expect((await browser.get(`${query()}&${twice}`)).status).toBe(400)
    }
  })
})

describe('a request that is refused by a redirect', () => {
  const cases: readonly [string, Record<string, string>, string][] = [
    ['no response_type', { response_type: '-' }, 'invalid_request'],
    ['the implicit grant', { response_type: 'token' }, 'unsupported_response_type'],
    ['an ID token in the front channel', { response_type: 'id_token' }, 'unsupported_response_type'],
    ['hybrid', { response_type: 'code id_token', response_mode: 'query' }, 'unsupported_response_type'],
    ['an unknown response_mode', { response_mode: 'web_message' }, 'invalid_request'],
    ['no challenge', { code_challenge: '-', code_challenge_method: '-' }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no challenge method', { code_challenge_method: '-' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['a scope that the client may not have', { scope: 'admin' }, 'invalid_scope'],
    ['a nonce that cannot be kept', { nonce: 'a\0' }, 'invalid_request'],
    ['an unknown prompt', { prompt: 'maybe' }, 'invalid_request'],
    ['prompt none with another', { prompt: 'none login' }, 'invalid_request'],
    ['nobody signed in for prompt none', { prompt: 'none' }, 'login_required'],
    ['a max_age that is no number', { max_age: '1h' }, 'invalid_request'],
    ['claims that are no JSON', { claims: '{' }, 'invalid_request'],
    ['an unknown resource', { resource: 'https://other.example' }, 'invalid_target'],
    ['undeclared authorization_details', { authorization_details: '[{"type":"x"}]' }, 'invalid_authorization_details'],
    ['a hint that is no ID token', { id_token_hint: 'abc' }, 'invalid_request'],
    ['an unsigned request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'invalid_request_object'],
    [
      'an essential acr that nobody reaches',
      { claims: '{"id_token":{"acr":{"essential":true,"values":["9"]}}}' },
      'unmet_authentication_requirements',
    ],
  ]
  it.each(cases)('%s', async (_, parameters, error) => {
    await start()
    const answer = await browser.get(query(parameters))
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toMatch(/^https:\/\/app\.example\.com\/cb[?#]/)
    expect(Object.fromEntries(answer.callback)).toMatchObject({ error, state: 'sté/%2B ', iss: issuer })
    // RFC 6749 section 4.1.2.1: printable ASCII without quotation marks and backslashes.
    expect(answer.callback.get('error_description')).toMatch(/^[ !#-[\]-~]+$/)
  })

  it('keeps the query of a registered URI', async () => {
    await start()
    const answer = await browser.get(query({ redirect_uri: 'https://app.example.com/cb?tenant=1', prompt: 'none' }))
    expect(answer.headers.get('location')).toMatch(/^https:\/\/app\.example\.com\/cb\?tenant=1&error=login_required&/)
  })

  it('posts the answer in response_mode form_post, whatever stands in it', async () => {
    await start()
    const state = `"><script>alert(1)</script>`
    const page = await browser.get(query({ response_mode: 'form_post', prompt: 'none', state }))
    expect(page.status).toBe(200)
    expect(page.form).toMatchObject({ action: redirectUri, fields: { error: 'login_required', state, iss: issuer } })
    expect(page.text).not.toContain('<script>alert')
    expect(page.headers.get('content-security-policy')).toContain('https://app.example.com')
  })

  it('takes the same parameters in a form', async () => {
    await start()
    const answer = await browser.post(
      '/oauth/authorize',
      Object.fromEntries(new URLSearchParams(query({ prompt: 'none' }).split('?')[1])),
    )
    expect(answer.callback.get('error')).toBe('login_required')
  })
})

describe('signing in again (OpenID Connect Core section 3.1.2.1)', () => {
  it('is asked for by prompt=login, select_account and max_age, and told by auth_time', async () => {
    await start({ permissions: { ...noPermissions, skipConsent: true } })
    await signIn(await browser.get(query()))
    for (const parameters of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '99' }, { max_age: '0' }]) {
      started.clock.advance(100)
      const again = started.clock.now()
      const page = await browser.get(query(parameters))
      expect(page.has('password')).toBe(true)
      const answer = await signIn(page)
      const { body } = await exchange(answer.callback.get('code'))
      expect(claimsOf(body.id_token ?? '').auth_time).toBe(again)
    }
    expect((await browser.get(query({ max_age: '100' }))).callback.has('code')).toBe(true)
  })

  it('is refused to prompt=none for another user than the hint names', async () => {
    await start({ permissions: { ...noPermissions, skipConsent: true } })
    const { body } = await exchange((await signIn(await browser.get(query()))).callback.get('code'))
    const own = query({ prompt: 'none', id_token_hint: body.id_token ?? '' })
    started.clock.advance(4000)
    expect((await browser.get(own)).callback.has('code')).toBe(true)
    const sub = query({ prompt: 'none', claims: '{"id_token":{"sub":{"value":"usr_other"}}}' })
    expect((await browser.get(sub)).callback.get('error')).toBe('login_required')
  })
})

describe('exchanging a code (RFC 6749 section 4.1.3)', () => {
  const getCode = async () => (await authorize()).callback.get('code')

  it.each([
    ['no verifier', { code_verifier: '' }],
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['a short verifier', { code_verifier: 'x' }],
    ['an endless verifier', { code_verifier: 'x'.repeat(10_000) }],
    ['another redirect_uri', { redirect_uri: 'https://app.example.com/cb?tenant=1' }],
    ['no redirect_uri', { redirect_uri: '' }],
  ])('is refused with %s, and the code is gone then', async (_, form) => {
    await start()
    const code = await getCode()
    expect((await exchange(code, form)).body.error).toBe('invalid_grant')
    expect((await exchange(code)).body.error).toBe('invalid_grant')
  })

  it('is refused to another client, and ends nothing of the first one’s', async () => {
    await start({}, [{ ...web, id: 'other', secret: 'other-secret' }])
    const code = await getCode()
    const { body } = await exchange(code)
    expect((await exchange(code, {}, basic('other', 'other-secret'))).body.error).toBe('invalid_grant')
    expect((await (await started.postJson('/validate', { token: body.access_token })).json()) as object).toMatchObject({
      valid: true,
    })
    const burnt = await browser.get(query())
    expect((await exchange(burnt.callback.get('code'), {}, basic('other', 'other-secret'))).body.error).toBe(
      'invalid_grant',
    )
    expect((await exchange(burnt.callback.get('code'))).body.error).toBe('invalid_grant')
  })

  it('is refused after a minute', async () => {
    await start()
    const code = await getCode()
    started.clock.advance(60)
    expect((await exchange(code)).body.error).toBe('invalid_grant')
  })

  it('succeeds once of 200 at a time, and what it gave ends with the second', async () => {
    await start()
    const code = await getCode()
    const answers = await Promise.all(Array.from({ length: 200 }, () => exchange(code)))
    const good = answers.filter(({ status }) => status === 200)
    expect(good).toHaveLength(1)
    expect(answers.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(199)
    const validity = await started.postJson('/validate', { token: good[0]?.body.access_token })
    expect(await validity.json()).toMatchObject({ valid: false, reason: 'revoked' })
  })

  it('ends its tokens when the code comes again after 30 s', async () => {
    await start()
    const code = await (await authorize({ scope: 'openid orders:read offline_access' })).callback.get('code')
    const { body } = await exchange(code)
    expect(body.refresh_token).toMatch(/^ghr_/)
    started.clock.advance(31)
    expect((await exchange(code)).body.error).toBe('invalid_grant')
    const refresh = await started.postForm(
      '/oauth/token',
      { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' },
      basic('web', 'web-secret'),
    )
    expect(await refresh.json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('gives an ID token at each refresh, of the same sign-in and without the nonce', async () => {
    await start()
    const code = (await authorize({ scope: 'openid offline_access' })).callback.get('code')
    const { body } = await exchange(code)
    started.clock.advance(50)
    const refreshed = (await (
      await started.postForm(
        '/oauth/token',
        { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' },
        basic('web', 'web-secret'),
      )
    ).json()) as Record<string, string>
    const [first, second] = [claimsOf(body.id_token ?? ''), claimsOf(refreshed.id_token ?? '')]
    expect(second).toMatchObject({ iss: first.iss, sub: first.sub, aud: first.aud, auth_time: first.auth_time })
    expect(second.nonce).toBeUndefined()
    expect(second.iat).toBe(Number(first.iat) + 50)
  })

  it('works without PKCE only where the client may do without, and then takes no verifier', async () => {
    await start({ permissions: { ...noPermissions, pkceOptional: true } })
    const without = { code_challenge: '-', code_challenge_method: '-' }
    const code = (await authorize(without)).callback.get('code')
    expect((await exchange(code)).body.error).toBe('invalid_grant')
    const again = (await browser.get(query(without))).callback.get('code')
    expect((await exchange(again, { code_verifier: '' })).status).toBe(200)
  })
})

describe('userinfo (OpenID Connect Core section 5.3)', () => {
  it('tells what the scope gives, by header and by form', async () => {
    await start()
    const { body } = await exchange((await authorize({ scope: 'openid profile' })).callback.get('code'))
    const authorization = `Bearer ${body.access_token}`
    const get = await fetch(`${started.url}/oauth/userinfo`, { headers: { authorization } })
    expect(await get.json()).toMatchObject({ sub: claimsOf(body.id_token ?? '').sub, preferred_username: 'alice' })
    const post = await started.postForm('/oauth/userinfo', { access_token: body.access_token ?? '' })
    expect(post.status).toBe(200)
    const twice = await started.postForm(
      '/oauth/userinfo',
      { access_token: body.access_token ?? '' },
      { authorization },
    )
    expect(twice.status).toBe(400)
  })

  it('refuses ID tokens, refresh tokens, nothing, and tokens without openid', async () => {
    await start()
    const { body } = await exchange((await authorize({ scope: 'openid offline_access' })).callback.get('code'))
    const ask = (token: string | undefined) =>
      fetch(
        `${started.url}/oauth/userinfo`,
        token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
      )
    for (const token of [body.id_token, body.refresh_token, undefined]) {
      const response = await ask(token)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
    }
    const { access_token } = await started.signIn()
    expect((await ask(access_token)).status).toBe(403)
  })

  it('refuses the token of a client that is gone, with a challenge (RFC 6750 section 3)', async () => {
    await start()
    const { body } = await exchange((await authorize()).callback.get('code'))
    const clients = started.settings.clients.filter(({ id }) => id !== 'web')
    started.auth.replaceSettings({ ...started.settings, clients })
    const refused = await fetch(`${started.url}/oauth/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
  })

  it('gives a pairwise client a subject of its own, here and in the ID token', async () => {
    await start({ metadata: { ...web.metadata, subject_type: 'pairwise' } })
    const { body } = await exchange((await authorize()).callback.get('code'))
    const sub = claimsOf(body.id_token ?? '').sub
    expect(sub).not.toMatch(/^usr_/)
    const info = await fetch(`${started.url}/oauth/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(await info.json()).toMatchObject({ sub })
  })
})
