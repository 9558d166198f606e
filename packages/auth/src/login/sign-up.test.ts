import { seconds } from '@gatehouse/core/time'
import { afterEach, describe, expect, it } from 'vitest'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { inviteByOperator } from '../testing/invite-by-operator.ts'
import { issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const password = 'a meadow of foxgloves'
const email = 'Carol@Example.com'
let started: StartedAuth
let browser: TestBrowser
afterEach(() => started.close())

type Settings = NonNullable<NonNullable<Parameters<typeof startAuth>[0]>['settings']>
const open = { mode: 'open', domains: [], scopes: ['orders:read'], roles: ['guest'], terms: undefined } as const
const start = async (settings: Settings = {}, more: Parameters<typeof startAuth>[0] = {}): Promise<void> => {
  started = await startAuth({ settings: { signUp: open, ...settings }, ...more })
  browser = new TestBrowser(started.url, issuer)
}
const signUp = async (given: Record<string, string> = {}): Promise<ShownPage> =>
  browser.submit(await browser.get('/signup'), { email, password, ...given })
const linkOf = async (kind: 'sign_up' | 'invitation' = 'sign_up'): Promise<string> => {
  const [mail] = await started.mails(kind)
  return mail?.link ?? ''
}
const login = (username: string, secret = password) => started.postJson('/login', { username, password: secret })
const find = () => started.store.users.findByCanonicalName('carol@example.com')

describe('signing up', () => {
  it('leads from a form and a link to being signed in, with what new users get', async () => {
    await start()
    const sent = await signUp()
    expect(sent.has('sent')).toBe(true)
    expect(await find()).toBeUndefined()
    const page = await browser.get(await linkOf())
    expect(page.text).toContain('Carol@Example.com')
    expect(page.text).not.toContain('name="password"')
    const done = await browser.submit(page, {})
    expect(done.text).toContain('<strong id="username">Carol@Example.com</strong>')
    expect(await find()).toMatchObject({
      ...{ username: 'Carol@Example.com', email: 'Carol@Example.com', email_canonical: 'carol@example.com' },
      ...{
        email_verified_at: started.clock.now(),
        scopes: 'orders:read',
        roles: 'guest',
        locale: 'en',
        status: 'active',
      },
    })
    expect((await browser.get('/account')).text).toContain('Carol@Example.com')
    expect((await login('carol@example.COM')).status).toBe(200)
  })

  it('goes on to where one was going', async () => {
    const redirectUri = 'https://app.example.com/cb'
    const web = { client_name: 'Web', redirect_uris: [redirectUri] }
    await start(
      {},
      { clients: [{ id: 'web', grantTypes: ['authorization_code'], scopes: ['orders:read'], metadata: web }] },
    )
    const pkce = { code_challenge: newPkce().challenge, code_challenge_method: 'S256' }
    const asked = {
      client_id: 'web',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid orders:read',
      ...pkce,
    }
    const signIn = await browser.get(`/oauth/authorize?${new URLSearchParams(asked)}`)
    const form = await browser.get(/href="(\/signup\?flow=[^"]+)"/.exec(signIn.text)?.[1] ?? '')
    await browser.submit(form, { email, password })
    const consent = await browser.submit(await browser.get(await linkOf()), {})
    expect(consent.has('allow')).toBe(true)
    const answer = await browser.submit(consent, { decision: 'allow' })
    expect(answer.callback.get('code')).toMatch(/^ghc_/)
  })

  it('is not undone by opening the link: mail scanners do that', async () => {
    await start()
    await signUp()
    const link = await linkOf()
    const scanner = new TestBrowser(started.url, issuer)
    for (let index = 0; index < 3; index += 1) expect((await scanner.get(link)).status).toBe(200)
    expect(await find()).toBeUndefined()
    expect((await browser.submit(await browser.get(link), {})).status).toBe(200)
  })

  it('asks for the password again in another browser, where the one that was typed counts for nothing', async () => {
    await start()
    await signUp({ password: 'the attacker knows this one' })
    const other = new TestBrowser(started.url, issuer)
    const page = await other.get(await linkOf())
    expect(page.text).toContain('name="password"')
    const without = await other.submit(page, {})
    expect(without.status).toBe(400)
    expect((await other.submit(page, { password: 'short' })).status).toBe(400)
    expect((await other.submit(page, { password })).status).toBe(200)
    expect((await login(email, 'the attacker knows this one')).status).toBe(401)
    expect((await login(email)).status).toBe(200)
  })

  it('happens once for a link, also when it comes several times at once', async () => {
    await start()
    await signUp()
    const page = await browser.get(await linkOf())
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => browser.submit(page, {})))
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await browser.submit(page, {})).has('link-gone')).toBe(true)
    expect((await browser.get(await linkOf())).status).toBe(404)
  })

  it('is over after a quarter of an hour, and with a newer link', async () => {
    await start()
    await signUp()
    const first = await linkOf()
    started.clock.advance(1)
    await signUp()
    const second = await linkOf()
    expect((await browser.get(first)).has('link-gone')).toBe(true)
    started.clock.advance(899)
    expect((await browser.get(second)).status).toBe(200)
    started.clock.advance(1)
    expect((await browser.get(second)).has('link-gone')).toBe(true)
  })

  it('keeps the older link where no more mails go out', async () => {
    await start({}, { mail: { perRecipient: 1 } })
    await signUp()
    const link = await linkOf()
    await signUp()
    expect(await started.mails('sign_up')).toHaveLength(1)
    expect((await browser.get(link)).status).toBe(200)
  })

  it.each([
    ['an address that is none', { email: 'carol' }],
    ['two addresses', { email: 'carol@example.com,eve@example.com' }],
    ['a short password', { password: 'short' }],
    ['a password that is the address', { password: 'carol@example.com!' }],
  ])('is refused on the form with %s, and sends nothing', async (_, given) => {
    await start()
    const page = await signUp(given)
    expect([page.status, page.has('error')]).toEqual([400, true])
    expect(await started.auth.outbox.listNewest(10)).toEqual([])
  })

  it('asks for the terms where there are any', async () => {
    await start({ signUp: { ...open, terms: 'https://example.com/terms' } })
    expect((await signUp({ terms: '' })).status).toBe(400)
    expect((await signUp({ terms: 'yes' })).has('sent')).toBe(true)
  })

  it('is for addresses of the given domains alone', async () => {
    await start({ signUp: { ...open, mode: 'domains', domains: ['example.com'] } })
    for (const address of ['eve@evil.com', 'eve@sub.example.com', 'eve@example.com.evil.com', 'eve@notexample.com']) {
      expect((await signUp({ email: address })).status, address).toBe(403)
    }
    expect((await signUp()).has('sent')).toBe(true)
  })

  it.each(['off', 'invitation'] as const)('is refused, and not offered, where it is %s', async (mode) => {
    await start({ signUp: { ...open, mode } })
    expect((await browser.get('/signup')).status).toBe(403)
    expect((await browser.get('/login')).text).not.toContain('/signup')
    const flow = (await browser.get('/login')).form.fields.flow ?? ''
    expect((await browser.post('/signup/form', { flow, email, password })).status).toBe(403)
    expect((await started.postJson('/signup', { email, password })).status).toBe(403)
    expect(await started.auth.outbox.listNewest(10)).toEqual([])
  })

  it('asks for a second factor to be set up where roles need one', async () => {
    await start({ secondFactor: { requiredForRoles: ['guest'], rememberFor: seconds(0) } })
    await signUp()
    const enrol = await browser.submit(await browser.get(await linkOf()), {})
    expect(enrol.has('secret')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
  })

  it('takes an address from who has never shown that it is theirs, and nothing else with it', async () => {
    await start()
    const squatter = await started.store.users.findByCanonicalName('alice')
    if (!squatter) throw new Error('there is alice')
    const row = { ...squatter, id: 'usr_squatter' as never, username: 'mallory', username_canonical: 'mallory' }
    const claimed = { email, email_canonical: 'carol@example.com', email_verified_at: null }
    await started.store.users.insert({ ...row, ...claimed })
    await signUp()
    expect((await browser.submit(await browser.get(await linkOf()), {})).status).toBe(200)
    expect(await find()).toMatchObject({ email_canonical: 'carol@example.com', roles: 'guest' })
    expect(await started.store.users.findByCanonicalName('mallory')).toMatchObject({
      email: null,
      email_canonical: null,
    })
    expect((await login(email, 'correct horse battery')).status).toBe(401)
  })
})

describe('a link that was mailed before sign-up was closed', () => {
  const close = (mode: 'off' | 'invitation') =>
    started.auth.replaceSettings({ ...started.settings, signUp: { ...open, mode } })

  it.each(['off', 'invitation'] as const)('opens no account any more where it is %s', async (mode) => {
    await start()
    await signUp()
    const page = await browser.get(await linkOf())
    close(mode)
    expect((await browser.submit(page, {})).status).toBe(404)
    expect((await browser.get(await linkOf())).status).toBe(404)
    expect(await find()).toBeUndefined()
  })
})

describe('an invitation', () => {
  const invite = (given: { roles?: string[]; email?: string } = {}) =>
    inviteByOperator(started, { email, roles: ['clerk'], scopes: ['orders:write'], ...given })

  it('opens an account with what it says, for a week, whoever else may sign up', async () => {
    await start({ signUp: { ...open, mode: 'invitation' } })
    await invite()
    started.auth.replaceSettings({ ...started.settings, signUp: { ...open, mode: 'off' } })
    expect((await browser.get(await linkOf('invitation'))).status).toBe(404)
    started.auth.replaceSettings(started.settings)
    started.clock.advance(6 * 86_400)
    const page = await browser.get(await linkOf('invitation'))
    expect(page.text).toContain('name="password"')
    expect((await browser.submit(page, { password })).status).toBe(200)
    expect(await find()).toMatchObject({ roles: 'clerk', scopes: 'orders:write', email_canonical: 'carol@example.com' })
    expect((await browser.submit(page, { password })).has('link-gone')).toBe(true)
  })

  it('is over after a week, and with a newer one', async () => {
    await start()
    await invite()
    const first = await linkOf('invitation')
    started.clock.advance(1)
    await invite()
    expect((await browser.get(first)).has('link-gone')).toBe(true)
    const second = await linkOf('invitation')
    started.clock.advance(7 * 86_400)
    expect((await browser.get(second)).has('link-gone')).toBe(true)
  })

  it('is not for who has an account', async () => {
    await start()
    await expect(invite({ email: 'ALICE@example.com' })).rejects.toMatchObject({ code: 'already_exists' })
    await expect(invite({ email: 'nobody' })).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('signing up from one’s own screens', () => {
  it('takes the password of the request from who has its token, and a new one from everybody else', async () => {
    await start()
    const { sign_up_token } = (await (await started.postJson('/signup', { email, password })).json()) as {
      sign_up_token: string
    }
    const token = new URL(await linkOf()).searchParams.get('token')
    const without = await started.postJson('/verify', { token })
    expect([without.status, await without.json()]).toMatchObject([400, { error: 'invalid_request' }])
    const verified = await started.postJson('/verify', { token, sign_up_token })
    expect([verified.status, await verified.json()]).toMatchObject([
      200,
      { token_type: 'Bearer', scope: 'orders:read' },
    ])
    expect((await started.postJson('/verify', { token, sign_up_token })).status).toBe(404)
    expect((await login(email)).status).toBe(200)
  })

  it('opens the account of who must set up a second factor, which they do on the page', async () => {
    await start({
      signUp: { ...open, roles: ['guest'] },
      secondFactor: { requiredForRoles: ['guest'], rememberFor: seconds(0) },
    })
    const { sign_up_token } = (await (await started.postJson('/signup', { email, password })).json()) as {
      sign_up_token: string
    }
    const token = new URL(await linkOf()).searchParams.get('token')
    const verified = await started.postJson('/verify', { token, sign_up_token })
    expect([verified.status, await verified.json()]).toMatchObject([401, { error: 'mfa_required', methods: [] }])
    const page = await browser.signIn(await browser.get('/login'), email, password)
    expect(page.has('confirm')).toBe(true)
  })

  it('may leave the choice of the password to the link', async () => {
    await start()
    await started.postJson('/signup', { email, password: 'some other password' })
    const token = new URL(await linkOf()).searchParams.get('token')
    expect((await started.postJson('/verify', { token, password })).status).toBe(200)
    expect((await login(email)).status).toBe(200)
  })

  it('asks for the terms where there are any', async () => {
    await start({ signUp: { ...open, terms: 'https://example.com/terms' } })
    expect((await started.postJson('/signup', { email, password })).status).toBe(400)
    expect((await started.postJson('/signup', { email, password, terms: true })).status).toBe(202)
  })

  it('sets nothing but what it takes', async () => {
    await start()
    for (const more of [{ roles: ['administrator'] }, { email_verified: true }, { scopes: ['orders:write'] }]) {
      expect((await started.postJson('/signup', { email, password, ...more })).status).toBe(400)
    }
    started.clock.advance(1)
    const { sign_up_token } = (await (await started.postJson('/signup', { email, password })).json()) as {
      sign_up_token: string
    }
    const token = new URL(await linkOf()).searchParams.get('token')
    const proof = { token, sign_up_token }
    const more = await started.postJson('/verify', { ...proof, roles: ['administrator'], email_verified: true })
    expect([more.status, await find()]).toEqual([400, undefined])
    expect((await started.postJson('/verify', proof)).status).toBe(200)
    expect(await find()).toMatchObject({ roles: 'guest', scopes: 'orders:read' })
  })
})

describe('an address', () => {
  it('may make so many requests in a minute', async () => {
    await start({}, { mailRequestLimit: 3 })
    const statuses: number[] = []
    for (let index = 0; index < 5; index += 1)
      statuses.push((await signUp({ email: `user${index}@example.com` })).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
  })
})
