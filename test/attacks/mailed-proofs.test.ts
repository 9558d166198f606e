import { type ShownPage, TestBrowser } from '@gatehouse/auth/testing/browser'
import { goodPassword, issuer, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
import { addTotp, currentCode } from '@gatehouse/auth/testing/totp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/**
 * Attacks on what is proven by mail: a step that is skipped, a link that is guessed, used twice, used for something else, or
 * made to point elsewhere; an account that is weaker by its recovery than by its sign-in; mails without end.
 */

let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth()
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

const password = 'a meadow of foxgloves'
const newBrowser = (): TestBrowser => new TestBrowser(started.url, issuer)
const flowOf = async (by = browser): Promise<string> => (await by.get('/login')).form.fields.flow ?? ''
const login = (secret: string) => started.postJson('/login', { username: 'alice', password: secret })
const recover = async (): Promise<string> => {
  await browser.submit(await browser.get('/recover'), { username: 'alice' })
  return (await started.mails('recovery'))[0]?.link ?? ''
}
const tokenOf = (link: string): string => new URL(link).searchParams.get('token') ?? ''
const findAlice = async () => {
  const alice = await started.store.users.findByCanonicalName('alice')
  if (!alice) throw new Error('there is alice')
  return alice
}
/** A token of that kind that was never given out. */
const forged = (prefix: string): string => `${prefix}${'A'.repeat(43)}`

describe('a step that is skipped', () => {
  const attempts: Record<string, (flow: string) => Promise<ShownPage>> = {
    'setting a password without a link': (flow) =>
      browser.post('/recover/password/form', { flow, token: '', password }),
    'setting a password with a made-up link': (flow) =>
      browser.post('/recover/password/form', { flow, token: forged('ghp_'), password }),
    'confirming an address without a link': (flow) => browser.post('/verify/form', { flow, token: '', password }),
    'confirming an address with a made-up link': (flow) =>
      browser.post('/verify/form', { flow, token: forged('ghs_'), password }),
    'signing in with a made-up link': (flow) => browser.post('/login/link', { flow, token: forged('ghl_') }),
    'signing in with a code that was not asked for': (flow) =>
      browser.post('/login/email/code', { flow, code: '00000000' }),
    'signing in with no code': (flow) => browser.post('/login/email/code', { flow }),
    'going on without having proven anything': (flow) => browser.get(`/login/continue?flow=${flow}`),
    'showing a second factor first': (flow) => browser.post('/login/factor', { flow, method: 'totp', code: '000000' }),
  }

  it.each(Object.entries(attempts))('is refused: %s', async (_, attempt) => {
    const flow = await flowOf()
    await attempt(flow)
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await login(goodPassword)).status).toBe(200)
    expect((await login(password)).status).toBe(401)
  })

  it.each(Object.entries(attempts))('is refused after asking for a link, too: %s', async (_, attempt) => {
    await recover()
    const flow = await flowOf()
    await attempt(flow)
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await login(goodPassword)).status).toBe(200)
  })
})

describe('a link for one thing', () => {
  it('is good for nothing else, and is not used up by the attempt', async () => {
    const link = await recover()
    const flow = await flowOf()
    const token = tokenOf(link)
    for (const [path, prefix] of [
      ['/verify/form', 'ghs_'],
      ['/login/link', 'ghl_'],
      ['/account/profile/email', 'ghe_'],
    ] as const) {
      for (const tried of [token, token.replace('ghp_', prefix)]) {
        await browser.post(path, { flow, token: tried, password })
      }
    }
    for (const tried of [token, token.replace('ghp_', 'ghs_')]) {
      await started.postJson('/verify', { token: tried, password })
    }
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await browser.submit(await browser.get(link), { password })).has('recovered')).toBe(true)
  })

  it('is not found by a part of it, nor by what the database keeps', async () => {
    const token = tokenOf(await recover())
    const dump = JSON.stringify([
      await started.store.mails.listNewest(100),
      await started.store.audit.list({ limit: 100 }),
    ])
    expect(dump).not.toContain(token)
    expect(dump).not.toContain(token.slice(4))
    for (const tried of [token.slice(0, -1), token.toUpperCase(), `${token}A`, ` ${token}`, token.slice(4)]) {
      expect((await started.postJson('/recover/password', { token: tried, password })).status, tried).toBe(404)
    }
    expect((await started.postJson('/recover/password', { token, password })).status).toBe(204)
  })
})

describe('a link in a mail', () => {
  it('leads to the configured issuer, whatever the request says of its host', async () => {
    const hosts = {
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.test',
      'x-host': 'evil.test',
    }
    const asked = [
      await started.postJson('/recover', { username: 'alice' }, hosts),
      await started.postJson('/signup', { email: 'carol@example.com', password }, hosts),
      await started.postJson('/signup', { email: 'alice@example.com', password }, hosts),
      await started.postJson('/login/code/send', { username: 'alice' }, hosts),
    ]
    expect(asked.map(({ status }) => status)).toEqual([202, 202, 202, 202])
    const flow = await flowOf()
    await browser.post('/login/email', { flow, username: 'alice', method: 'email_link' }, { ...hosts, origin: issuer })
    const mails = await started.auth.outbox.listNewest(100)
    expect(mails).toHaveLength(5)
    for (const { text, html, link } of mails) {
      expect(text + html).not.toContain('evil')
      if (link !== undefined) expect(new URL(link).origin).toBe(issuer)
    }
  })

  it('carries nothing of a stranger’s making', async () => {
    const hostile = [
      '<b>x</b>@example.com',
      'a@example.com\r\nBcc: eve@example.com',
      '"<script>"@example.com',
      'a@example.com<script>',
    ]
    for (const email of hostile) {
      const answer = await started.postJson('/signup', { email, password })
      expect(answer.status, email).toBe(400)
    }
    await started.postJson('/recover', { username: '<script>alert(1)</script>' })
    expect(await started.auth.outbox.listNewest(100)).toEqual([])
  })
})

describe('recovery', () => {
  it('is not weaker than the sign-in: the second factor is still asked for', async () => {
    const secret = await addTotp(started, 'alice')
    await browser.submit(await browser.get(await recover()), { password })
    expect((await browser.get('/account')).has('password')).toBe(true)
    const half = await browser.signIn(await browser.get('/login'), 'alice', password)
    expect(half.has('use-recovery-code')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
    const due = await login(password)
    expect([due.status, await due.json()]).toMatchObject([
      401,
      { error: 'mfa_required', methods: ['totp', 'recovery_code'] },
    ])
    const done = await browser.submit(half, { code: currentCode(started, secret) })
    expect(done.text).toContain('alice')
  })

  it('takes no factor away', async () => {
    await addTotp(started, 'alice')
    const alice = await findAlice()
    const factors = await started.store.factors.listByUser(alice.id)
    await browser.submit(await browser.get(await recover()), { password })
    expect(factors).toHaveLength(1)
    expect(await started.store.factors.listByUser(alice.id)).toEqual(factors)
    expect(await started.store.recoveryCodes.count(alice.id)).toBe(10)
  })

  it('by an old link is over once the password has been set in any way', async () => {
    const link = await recover()
    const owner = newBrowser()
    await owner.signIn(await owner.get('/login'), 'alice', goodPassword)
    await owner.submit(await owner.get('/account/password'), { current: goodPassword, new: password })
    expect((await browser.get(link)).has('link-gone')).toBe(true)
    const answer = await started.postJson('/recover/password', {
      token: tokenOf(link),
      password: 'the attacker’s password',
    })
    expect(answer.status).toBe(404)
    expect((await login(password)).status).toBe(200)
  })

  it('leaves no half sign-in of before standing', async () => {
    const secret = await addTotp(started, 'alice')
    const half = await browser.signIn(await browser.get('/login'), 'alice', goodPassword)
    const other = newBrowser()
    await other.submit(await other.get('/recover'), { username: 'alice' })
    await other.submit(await other.get((await started.mails('recovery'))[0]?.link ?? ''), { password })
    await browser.submit(half, { code: currentCode(started, secret) })
    expect((await browser.get('/account')).has('password')).toBe(true)
  })
})

describe('whether an address is verified', () => {
  it.each(['email_verified', 'email_verified_at', 'verified'])('is not for its owner to say: %s', async (field) => {
    const page = await browser.signIn(await browser.get('/account/profile'), 'alice', goodPassword)
    await browser.submit(page, { name: 'Alice', locale: 'en', email: 'victim@example.com', [field]: 'true' })
    const flow = (await browser.get('/account/profile')).form.fields.flow ?? ''
    await browser.post('/account/profile/email', { flow, email: 'victim@example.com', [field]: 'true' })
    expect(await started.store.users.findByCanonicalName('alice')).toMatchObject({ email: 'alice@example.com' })
  })
})

describe('a change of what one signs in by', () => {
  const told = async (kind: Parameters<StartedAuth['mail']>[0]) => (await started.mails(kind)).map(({ to }) => to)
  /** Sends a form of the security page by its button. */
  const press = async (path: string, fields: Record<string, string> = {}): Promise<ShownPage> => {
    const flow = (await browser.get('/account/security')).form.fields.flow ?? ''
    return browser.post(path, { flow, ...fields })
  }

  it('is told to the owner: another who has got into a session cannot do it unnoticed', async () => {
    const secret = await addTotp(started, 'alice')
    expect(await told('factor_added')).toEqual(['alice@example.com'])
    const half = await browser.signIn(await browser.get('/account/security'), 'alice', goodPassword)
    await browser.submit(half, { code: currentCode(started, secret) })
    await press('/account/recovery-codes')
    expect(await told('recovery_codes_renewed')).toEqual(['alice@example.com'])
    const [factor] = await started.store.factors.listByUser((await findAlice()).id)
    await press('/account/factors/remove', { factor: factor?.id ?? '' })
    const removed = await started.mail('factor_removed')
    expect(removed.to).toBe('alice@example.com')
    expect(removed.text).toContain('Authenticator app')
    expect(removed.text).toContain('127.0.0.1')
  })

  it('is possible where nobody can be sent mails', async () => {
    await started.close()
    started = await startAuth({ mail: { inbox: false } })
    browser = newBrowser()
    await addTotp(started, 'alice')
    expect(await started.store.mails.listNewest(10)).toEqual([])
  })
})

describe('where it leads', () => {
  const places = [
    '/\\\\evil.test',
    '//evil.test',
    '/%09/evil.test',
    'https:evil.test',
    'https://evil.test',
    'javascript:alert(1)',
  ]

  it.each(places)('is never said by the address: %s', async (place) => {
    const names = ['return_to', 'redirect', 'next', 'continue', 'url', 'rd', 'back']
    const query = names.map((name) => `${name}=${encodeURIComponent(place)}`).join('&')
    const forms = {
      '/signup': { email: 'carol@example.com', password },
      '/recover': { username: 'alice' },
      '/login/email': { username: 'alice', method: 'email_link' },
    }
    for (const [path, fields] of Object.entries(forms)) {
      const page = await browser.get(`${path}?${query}`)
      const sent = await browser.submit(page, { ...fields, return_to: place, next: place, back: place })
      expect(sent.has('sent'), path).toBe(true)
      for (const { headers, text } of [page, sent]) {
        expect(headers.get('location') ?? '').not.toMatch(/evil|javascript/)
        expect(text.replaceAll(/<form id="languages"[\s\S]*?<\/form>/g, '')).not.toMatch(/evil|javascript:/)
      }
    }
    // In this order: a new password makes the link to sign in void.
    for (const kind of ['sign_in_link', 'recovery', 'sign_up'] as const) {
      const { link } = await started.mail(kind)
      const done = await browser.submit(await browser.get(`${link}&${query}`), {
        password,
        next: place,
        return_to: place,
      })
      expect(done.status).toBe(200)
      expect(done.headers.get('location') ?? '').not.toMatch(/evil|javascript/)
    }
  })
})

describe('mails without end', () => {
  it('reach nobody: so many of one kind, whoever asks from wherever', async () => {
    for (let index = 0; index < 20; index += 1) await started.postJson('/recover', { username: 'alice' })
    for (let index = 0; index < 20; index += 1)
      await started.postJson('/signup', { email: 'alice@example.com', password })
    expect(await started.mails('recovery')).toHaveLength(5)
    expect(await started.mails('account_exists')).toHaveLength(5)
  })

  it('fill no table: what is over the bound is dropped, and answered alike', async () => {
    await started.close()
    started = await startAuth({ mail: { most: 10 } })
    browser = newBrowser()
    const statuses = new Set<number>()
    for (let index = 0; index < 30; index += 1) {
      statuses.add((await started.postJson('/recover', { username: `nobody${index}` })).status)
    }
    expect([...statuses]).toEqual([202])
    expect(await started.store.mails.listNewest(100)).toHaveLength(10)
    await started.auth.outbox.deliver()
    await recover()
    expect(await started.mails('recovery')).toHaveLength(1)
  })
})
