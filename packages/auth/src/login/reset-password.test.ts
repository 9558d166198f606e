import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ShownPage, TestBrowser } from '../testing/browser.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'

const password = 'a meadow of foxgloves'
let started: StartedAuth
let browser: TestBrowser
beforeEach(async () => {
  started = await startAuth()
  browser = new TestBrowser(started.url, issuer)
})
afterEach(() => started.close())

const ask = async (username = 'alice'): Promise<ShownPage> =>
  browser.submit(await browser.get('/recover'), { username })
const linkOf = async (): Promise<string> => (await started.mails('recovery'))[0]?.link ?? ''
const login = (secret: string) => started.postJson('/login', { username: 'alice', password: secret })

describe('a forgotten password', () => {
  it.each(['alice', 'ALICE', 'alice@example.com', ' Alice@Example.com '])(
    'is replaced by a link, for %j',
    async (name) => {
      expect((await ask(name)).has('sent')).toBe(true)
      const page = await browser.get(await linkOf())
      expect(page.text).toContain('<strong id="username">alice</strong>')
      const done = await browser.submit(page, { password })
      expect(done.has('recovered')).toBe(true)
      expect((await login(goodPassword)).status).toBe(401)
      expect((await login(password)).status).toBe(200)
    },
  )

  it('ends every session, tells the owner, and signs nobody in', async () => {
    const pair = await started.signIn()
    const elsewhere = new TestBrowser(started.url, issuer)
    await elsewhere.signIn(await elsewhere.get('/login'), 'alice', goodPassword)
    await ask()
    await browser.submit(await browser.get(await linkOf()), { password })
    expect((await elsewhere.get('/account')).has('password')).toBe(true)
    expect((await browser.get('/account')).has('password')).toBe(true)
    expect((await started.postJson('/token/refresh', { refresh_token: pair.refresh_token })).status).toBe(400)
    const { subject, to, text } = await started.mail('password_changed')
    expect([subject, to]).toEqual(['Your password for Gatehouse has been changed', 'alice@example.com'])
    expect(text).not.toContain(password)
  })

  it('lets in whoever has tried too many wrong ones before', async () => {
    for (let count = 0; count < 10; count += 1) await login('one of the old ones')
    expect((await login(goodPassword)).status).toBe(401)
    await ask()
    expect((await browser.submit(await browser.get(await linkOf()), { password })).has('recovered')).toBe(true)
    expect((await login(password)).status).toBe(200)
  })

  it('leads on to the sign-in that one was in the middle of', async () => {
    const flow = (await browser.get('/login')).form.fields.flow ?? ''
    await browser.submit(await browser.get(`/recover?flow=${flow}`), { username: 'alice' })
    const done = await browser.submit(await browser.get(await linkOf()), { password })
    expect(done.text).toContain(`href="/login?flow=${flow}"`)
  })

  it('is not replaced by opening the link, nor by a weak password, and then by the same link', async () => {
    await ask()
    const link = await linkOf()
    for (let index = 0; index < 3; index += 1) expect((await browser.get(link)).status).toBe(200)
    const weak = await browser.submit(await browser.get(link), { password: 'short' })
    expect([weak.status, weak.has('error')]).toEqual([400, true])
    expect((await browser.submit(weak, { password })).has('recovered')).toBe(true)
  })

  it('is not replaced twice by one link, nor by an older one, nor later than a quarter of an hour', async () => {
    await ask()
    const first = await linkOf()
    started.clock.advance(1)
    await ask()
    const page = await browser.get(await linkOf())
    expect((await browser.get(first)).has('link-gone')).toBe(true)
    expect((await browser.submit(page, { password })).has('recovered')).toBe(true)
    expect((await browser.submit(page, { password: 'yet another good one' })).has('link-gone')).toBe(true)
    started.clock.advance(1)
    await ask()
    const late = await browser.get(await linkOf())
    started.clock.advance(900)
    expect((await browser.submit(late, { password: 'yet another good one' })).has('link-gone')).toBe(true)
    expect((await login(password)).status).toBe(200)
  })

  it('is replaced by one of several posts at once', async () => {
    await ask()
    const page = await browser.get(await linkOf())
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, (_, index) => browser.submit(page, { password: `${password} ${index}` })),
    )
    expect(outcomes.filter((outcome) => outcome.has('recovered'))).toHaveLength(1)
  })

  it('is not replaced for who is disabled, or has no verified address', async () => {
    const user = await started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('there is alice')
    await started.store.users.setStatus({ id: user.id, status: 'disabled', at: started.clock.now() })
    expect((await ask()).has('sent')).toBe(true)
    await started.store.users.insert({
      ...user,
      ...{ id: 'usr_other' as never, username: 'bob', username_canonical: 'bob', status: 'active' as const },
      ...{ email: 'bob@example.com', email_canonical: 'bob@example.com', email_verified_at: null },
    })
    for (const name of ['bob', 'bob@example.com', 'nobody', '', 'a\u0000b'])
      expect((await ask(name)).has('sent'), name).toBe(true)
    expect(await started.mails('recovery')).toEqual([])
  })

  it('is not replaced by a link from before the address or the password changed', async () => {
    await ask()
    const page = await browser.get(await linkOf())
    const user = await started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('there is alice')
    const { username, username_canonical } = user
    const changed = {
      id: user.id,
      username,
      username_canonical,
      email: 'new@example.com',
      email_canonical: 'new@example.com',
    }
    await started.store.users.setEmail({ ...changed, at: started.clock.now() })
    expect((await browser.submit(page, { password })).has('link-gone')).toBe(true)
  })

  it('is replaced by programs in the same way', async () => {
    const asked = await started.postJson('/recover', { username: 'alice@example.com' })
    expect([asked.status, await asked.json()]).toEqual([202, {}])
    const token = new URL(await linkOf()).searchParams.get('token')
    const weak = await started.postJson('/recover/password', { token, password: 'short' })
    expect([weak.status, await weak.json()]).toMatchObject([400, { error: 'weak_password' }])
    expect((await started.postJson('/recover/password', { token, password })).status).toBe(204)
    expect((await started.postJson('/recover/password', { token, password })).status).toBe(404)
    expect((await login(password)).status).toBe(200)
  })
})

describe('without a way to send mails', () => {
  it('there is no recovery, and no link to it', async () => {
    await started.close()
    started = await startAuth({ mail: { inbox: false } })
    browser = new TestBrowser(started.url, issuer)
    for (const path of ['/recover', '/signup', '/login/email', '/verify', '/login/link']) {
      expect((await browser.get(path)).status, path).toBe(404)
    }
    const { text } = await browser.get('/login')
    expect(text).not.toMatch(/\/recover|\/signup|\/login\/email/)
    expect((await started.postJson('/recover', { username: 'alice' })).status).toBe(404)
  })
})
